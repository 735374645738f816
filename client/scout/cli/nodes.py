"""A DHT node of one's own, as `--session` and `scout session` run it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scout.alike import ScoutLike
from scout.cli.failures import CommandError
from shared.settings import Endpoint, endpoint

if TYPE_CHECKING:
    from scout.session import Session

STATE_DIRECTORY = "node"
"""In Scout's home: that the node is the same one the next time."""
LOOPBACK = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """By whom a node joins the DHT (`host:port`; none: the well-known ones), where it listens, and its directory."""

    bootstrap: Sequence[str] = ()
    listen: str | None = None
    state: Path | None = None
    port_mapping: bool = False
    """Whether the gateway is asked for a port that leads to the node."""

    def or_else(self, bootstrap: Sequence[str], listen: str | None, home: Path) -> NodeOptions:
        """These options, with what was remembered in place of those that were not given."""
        return replace(
            self,
            bootstrap=self.bootstrap or bootstrap,
            listen=self.listen or listen,
            state=self.state or home / STATE_DIRECTORY,
        )


def new_client(options: NodeOptions) -> ScoutLike:
    """A client without a service: by way of the session that `scout session` has open, or of one of its own.

    Raises CommandError.
    """
    # what speaks to it, as a node of one's own, is of no use to commands in other modes, and takes time to import
    from scout import neighbour  # noqa: PLC0415

    if options.state is not None and neighbour.is_open(options.state):
        return neighbour.NeighbourClient(options.state)
    return new_session(options)


def new_session(options: NodeOptions) -> Session:
    """A session, still to be opened. Raises CommandError."""
    joining = [_named(text) for text in options.bootstrap]
    listen = options.listen
    if listen is None and joining and all(is_loopback(one) for one in joining):
        listen = LOOPBACK  # a network on this machine, which only nodes on loopback take part in
    elif listen is not None:
        _require_address(listen)
    # a whole DHT node takes a quarter of a second to import: only sessions pay for it
    from scout.session import Session  # noqa: PLC0415

    return Session(
        bootstrap=options.bootstrap or None, listen=listen, state=options.state, port_mapping=options.port_mapping
    )


def is_loopback(at: Endpoint) -> bool:
    """Whether an endpoint is on this machine."""
    try:
        return ipaddress.ip_address(at.host).is_loopback
    except ValueError:
        return at.host == "localhost"


def _named(text: str) -> Endpoint:
    try:
        return endpoint(text)
    except ValueError as error:
        raise CommandError(f"expected {error}") from None


def _require_address(text: str) -> None:
    try:
        ipaddress.ip_address(_named(text).host)
    except ValueError:
        raise CommandError(f"expected an IP address and a port to listen at, got {text[:80]!r}") from None
