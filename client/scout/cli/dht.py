"""`dht status`, `dht ping`, `dht lookup`: the DHT as the service's own node sees it."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from scout.answers import DhtPing, DhtStatus
from scout.cli.context import invocation, run_with_service
from scout.cli.failures import CommandError, ExitCode
from shared.settings import Endpoint, endpoint

app = typer.Typer(help="Look at the DHT through the service's node.", no_args_is_help=True)

BITS = 160
"""Of an id."""


@app.command()
def status(context: typer.Context) -> None:
    """Say how the service's DHT node is. Exit status 1 when it is not ready."""
    at = invocation(context)
    found = run_with_service(at, "Asking", lambda client: client.dht_status())
    at.output.table(found, ("", ""), _status_rows(found), empty="")
    if not found.ready:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def ping(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="A node of the DHT.")],
) -> None:
    """Have the service's node ping another one. Exit status 1 when no answer came."""
    at = invocation(context)
    target = resolved(address)
    pinged = run_with_service(at, "Pinging", lambda client: client.dht_ping(str(target)))
    at.output.result(pinged, _pinged(pinged))
    if not pinged.answered:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def lookup(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="40 hex digits: an id, an info-hash, a target.")],
) -> None:
    """Find the nodes of the DHT that are nearest to a target."""
    at = invocation(context)
    found = run_with_service(at, "Looking", lambda client: client.dht_lookup(target))
    rows = ((node.node_id.hex(), node.address, str(shared_bits(node.node_id, target))) for node in found.nodes)
    at.output.table(found, ("Node", "Address", "Bits shared"), rows, empty="No node answered.")
    report = found.lookup
    at.output.note(
        f"{report.answered} of {report.asked} nodes answered, {report.timed_out} did not in time; "
        f"{report.elapsed_ms:.0f} ms."
    )


def resolved(text: str) -> Endpoint:
    """`HOST:PORT` with the name resolved here, as the service takes addresses only. Raises CommandError."""
    try:
        named = endpoint(text)
        *_, (host, port, *_rest) = socket.getaddrinfo(named.host, named.port, type=socket.SOCK_DGRAM)[0]
    except ValueError as error:
        raise CommandError(f"expected {error}") from None
    except OSError as error:
        raise CommandError(f"expected a name with an address, got {text[:80]!r}: {error.strerror}") from None
    return Endpoint(str(host), int(port))


def shared_bits(node_id: bytes, target: str) -> int:
    """Leading bits that a node's id has in common with a target, 0 to 160."""
    return BITS - (int.from_bytes(node_id, "big") ^ int(target, 16)).bit_length()


def _status_rows(found: DhtStatus) -> list[tuple[str, str]]:
    return [
        ("node", found.node_id.hex()),
        ("ready", "yes" if found.ready else "no"),
        ("answers strangers", "no, it is read-only" if found.read_only else "yes"),
        ("seen by others at", found.external_address or "not known yet"),
        ("contacts", f"{found.contacts}, of which {found.good_contacts} answered of late"),
        ("size of the network", "not known yet" if found.network_size is None else f"about {found.network_size} nodes"),
        ("queries answered", f"{found.answer_ratio:.0%}"),
        ("stored for others", f"{found.stored_items} items, {found.stored_bytes} bytes"),
        ("own item read back", _canary(found)),
    ]


def _canary(found: DhtStatus) -> str:
    when = "not yet" if found.canary_age_s is None else f"{found.canary_age_s:.0f} s ago"
    return f"{when}, {found.canary_failures} failures since" if found.canary_failures else when


def _pinged(pinged: DhtPing) -> str:
    if not pinged.answered or pinged.node_id is None:
        return f"No answer from {pinged.address}."
    seen = f"; it sees our node at {pinged.seen_as}" if pinged.seen_as else ""
    return f"{pinged.node_id.hex()} at {pinged.address} answered in {pinged.elapsed_ms:.1f} ms{seen}."
