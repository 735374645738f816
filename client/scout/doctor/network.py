"""The DHT as this machine reaches it: names, answers, our port, our network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scout.doctor.findings import Finding, failed, ok, warning
from scout.doctor.probe import Address, Heard, Prober, probing
from scout.transport import Surroundings
from shared.settings import Endpoint
from shared.well_known import DARK_NETWORKS

RESOLVE_WITHIN = 5.0
"""Seconds."""
SAMPLE = 24
"""Nodes that are pinged: enough to tell a quarter from three quarters."""
SHARE_GOOD = 0.5
"""Of the nodes that others name, some have always gone; two thirds are usual."""
SHARE_BAD = 0.1
"""Below this our service calls its own node not ready, too."""
PORT_CHECK = "source port"


@dataclass(frozen=True, slots=True)
class Named:
    """One bootstrap name: what it resolves to, and who answered."""

    name: Endpoint
    addresses: tuple[Address, ...]
    heard: tuple[Heard, ...]


async def examine_network(names: Sequence[Endpoint], surroundings: Surroundings) -> list[Finding]:
    """All checks that need no service."""
    try:
        async with probing(surroundings) as prober:
            return await _examine(names, prober)
    except OSError as error:
        advice = "Look at the machine's network and its limits on open sockets."
        return [failed("udp", f"no UDP socket can be opened: {error.strerror or error}", advice)]


async def _examine(names: Sequence[Endpoint], prober: Prober) -> list[Finding]:
    asked = await asyncio.gather(*(_ask(name, prober) for name in names))
    heard = [answer for named in asked for answer in named.heard]
    findings = [_bootstrap(named) for named in asked]
    if not any(named.addresses for named in asked):
        advice = "Look at the machine's name server, or name nodes by their addresses with --bootstrap."
        return [*findings, failed("udp", "not tried: no name has an address", advice)]
    if not heard:
        advice = "A firewall drops UDP on its way out, or the answers on their way in: allow UDP to any port."
        return [*findings, failed("udp", "nobody answered", advice)]
    pinged, answered = await _sample(heard, prober)
    seen = [answer.seen_as for answer in (*heard, *answered) if answer.seen_as is not None]
    return [
        *findings,
        ok("udp", "datagrams get out and answers come back"),
        port(prober.port, seen),
        network(seen),
        share(pinged, len(answered)),
    ]


async def _ask(name: Endpoint, prober: Prober) -> Named:
    addresses = await _resolve(name)
    heard = await asyncio.gather(*map(prober.find_node, addresses))
    return Named(name, addresses, tuple(answer for answer in heard if answer is not None))


async def _resolve(name: Endpoint) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_WITHIN):
            records = await loop.getaddrinfo(name.host, name.port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError, UnicodeError):
        return ()
    return tuple(dict.fromkeys((str(address[0]), int(address[1])) for *_, address in records))


async def _sample(heard: Sequence[Heard], prober: Prober) -> tuple[int, list[Heard]]:
    """How many of the nodes that were named were pinged, and the answers."""
    named = list(dict.fromkeys(node for answer in heard for node in answer.nodes))[:SAMPLE]
    answers = await asyncio.gather(*map(prober.ping, named))
    return len(named), [answer for answer in answers if answer is not None]


def _bootstrap(named: Named) -> Finding:
    check = f"bootstrap {named.name}"
    if not named.addresses:
        return warning(check, "has no IPv4 address", "Nothing to do while others answer; it may be gone.")
    if not named.heard:
        said = f"none of {len(named.addresses)} addresses answered"
        return warning(check, said, "Nothing to do while others answer; it may be down.")
    fastest = min(answer.seconds for answer in named.heard)
    return ok(check, f"{len(named.heard)} of {len(named.addresses)} addresses answered, in {fastest * 1000:.0f} ms")


def port(own: int, seen: Sequence[Address]) -> Finding:
    """Does the source port survive, as those see it who say so?"""
    ports = {port for _, port in seen}
    if not ports:
        return warning(PORT_CHECK, "no node said how it sees us", "Ask again later, or other nodes with --bootstrap.")
    if ports == {own}:
        return ok(PORT_CHECK, f"survives: we send from {own} and are seen at {own}")
    if len(ports) == 1:
        said = f"rewritten: we send from {own} and are seen at {ports.pop()}"
        return warning(PORT_CHECK, said, "Forward a port, or give the DHT node a public address (hostNetwork).")
    said = f"rewritten for each destination: we send from {own} and are seen at {len(ports)} ports"
    advice = "No stranger can reach a node here: forward a port, or run it with SCOUT_DHT_MODE=read-only."
    return warning(PORT_CHECK, said, advice)


def network(seen: Sequence[Address]) -> Finding:
    """Is our network one of those that are not listened to?"""
    if not seen:
        return warning("network", "no node said which address we have", "Ask other nodes with --bootstrap.")
    host = Counter(host for host, _ in seen).most_common(1)[0][0]
    first = int(host.partition(".")[0])
    if first in DARK_NETWORKS:
        said = f"we are seen at {host}, and libtorrent drops all packets from {first}.0.0.0/8"
        return warning("network", said, "Much of the DHT stays silent towards it; use an address of another network.")
    if ipaddress.ip_address(host).is_private:
        return ok("network", f"we are seen at {host}: this is a private DHT")
    return ok("network", f"we are seen at {host}, which nobody is known to ignore")


def share(pinged: int, answered: int) -> Finding:
    """Which share of the nodes that others name answers us?"""
    if not pinged:
        return warning("nodes", "those who answered named no others", "A new private DHT is so; the public one is not.")
    said = f"{answered} of {pinged} nodes that others named answered ({answered / pinged:.0%})"
    if answered >= SHARE_GOOD * pinged:
        return ok("nodes", said)
    advice = "A filter on the way, or a network that others ignore: many clouds see a quarter."
    return warning("nodes", said, advice) if answered >= SHARE_BAD * pinged else failed("nodes", said, advice)
