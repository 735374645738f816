"""A node of both families as one (BEP 32): every write goes to both networks, and every read asks both.

Readers that have only one family find what writers of the other have put. A family that has no network, because the
host has no way out there or has just started, is left out as long as the other has one: it is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from services.dht_node.core.ids import distance
from services.dht_node.lookup_meters import LookupMeters
from services.dht_node.net.driver import Driver
from services.dht_node.service import DhtService
from shared.clock import Clock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError

R = TypeVar("R")


class DualStackDht(DhtService):
    """Two running nodes, asked by contract; reports are sums over both networks."""

    def __init__(self, driver: Driver, driver6: Driver, clock: Clock, meters: LookupMeters | None = None) -> None:
        """`driver` is the IPv4 node's and speaks for both where only one can: in `endpoint` and in the status's id."""
        super().__init__(driver, clock)
        self._families = (DhtService(driver, clock, meters), DhtService(driver6, clock, meters))

    @property
    def joined(self) -> bool:
        """Whether a caller's lookups would find anybody, in either network."""
        return any(family.joined for family in self._families)

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item."""
        replies = await self._ask(
            lambda family: family.get_mutable(request, context),
            lambda reply: bool(reply.versions),
            first=not request.settle,
        )
        versions = [version for reply in replies for version in reply.versions]
        newest = max(map(_newest, replies))
        return dht.GetMutableReply(
            versions=_united(versions),
            report=_looked_up(reply.report for reply in replies),
            rollback_suspected=any(reply.rollback_suspected for reply in replies if _newest(reply) == newest),
        )

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version, conditionally when `request.seen` is given; the quorum counts in each network."""
        return _put(await self._ask(lambda family: family.put_mutable(request, context), _told))

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item by its target."""
        replies = await self._ask(
            lambda family: family.get_immutable(request, context), lambda reply: reply.value is not None, first=True
        )
        value = next((reply.value for reply in replies if reply.value is not None), None)
        return dht.GetImmutableReply(value=value, report=_looked_up(reply.report for reply in replies))

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """Store an immutable item; the quorum counts in each network."""
        return _put(await self._ask(lambda family: family.put_immutable(request, context), _told))

    async def get_peers(self, request: dht.GetPeers, context: CallContext) -> dht.GetPeersReply:
        """Find the peers announced for an info-hash."""
        replies = await self._ask(lambda family: family.get_peers(request, context), lambda reply: bool(reply.peers))
        peers = dict.fromkeys(peer for reply in replies for peer in reply.peers)
        return dht.GetPeersReply(peers=list(peers), report=_looked_up(reply.report for reply in replies))

    async def announce_peer(self, request: dht.AnnouncePeer, context: CallContext) -> dht.PutReply:
        """Announce a port of this node's addresses for an info-hash."""
        return _put(await self._ask(lambda family: family.announce_peer(request, context), _told))

    async def ping(self, request: dht.Ping, context: CallContext) -> dht.PingReply:
        """Ask one node whether it is there, from our node of its family."""
        four, six = self._families
        return await (six if request.address.startswith("[") else four).ping(request, context)

    async def lookup(self, request: dht.Lookup, context: CallContext) -> dht.LookupReply:
        """Find the nodes nearest to a target, in both networks."""
        replies = await self._ask(lambda family: family.lookup(request, context), lambda reply: bool(reply.nodes))
        nodes = [node for reply in replies for node in reply.nodes]
        nodes.sort(key=lambda node: distance(node.node_id, request.target))
        return dht.LookupReply(nodes=nodes, report=_looked_up(reply.report for reply in replies))

    async def status(self, request: dht.Status, context: CallContext) -> dht.StatusReply:
        """Say how the nodes are; what is counted is the sum."""
        four = await super().status(request, context)
        six = await self._families[1].status(request, context)
        return replace(
            four,
            external_address=four.external_address or six.external_address,
            ready=self.ready,
            contacts=four.contacts + six.contacts,
            good_contacts=four.good_contacts + six.good_contacts,
            stored_items=four.stored_items + six.stored_items,
            stored_bytes=four.stored_bytes + six.stored_bytes,
            network_size=four.network_size or six.network_size,
        )

    async def _ask(
        self, ask: Callable[[DhtService], Awaitable[R]], found: Callable[[R], bool], *, first: bool = False
    ) -> list[R]:
        """The families' replies; with `first`, no more are waited for once one has found something.

        When nobody found anything it matters that one could not say: its error is raised, unless it had no network.
        """
        outcomes: list[R | ScoutError] = []

        async def run(family: DhtService) -> None:
            outcome = await _outcome(ask(family))
            outcomes.append(outcome)
            if first and not isinstance(outcome, ScoutError) and found(outcome):
                for other in running:
                    if other is not asyncio.current_task():
                        other.cancel()

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(run(family)) for family in self._connected()]
        replies = [outcome for outcome in outcomes if not isinstance(outcome, ScoutError)]
        if not any(map(found, replies)):
            _raise_what_matters([error for error in outcomes if isinstance(error, ScoutError)], bool(replies))
        return replies

    def _connected(self) -> Sequence[DhtService]:
        return [family for family in self._families if family.joined] or self._families


async def _outcome(call: Awaitable[R]) -> R | ScoutError:
    try:
        return await call
    except ScoutError as error:
        return error


def _raise_what_matters(errors: Sequence[ScoutError], answered: bool) -> None:
    serious = [error for error in errors if error.code is not ErrorCode.DHT_UNAVAILABLE]
    if serious:
        raise serious[0]
    if errors and not answered:
        raise errors[0]


def _told(reply: dht.PutReply) -> bool:
    return reply.storing.stored > 0 or reply.conflict


def _newest(reply: dht.GetMutableReply) -> int:
    return max((version.seq for version in reply.versions), default=0)


def _united(versions: Iterable[dht.MutableVersion]) -> list[dht.MutableVersion]:
    """Each distinct version once, with its holders of both networks; highest seq first."""
    united: dict[bytes, dht.MutableVersion] = {}
    for version in versions:
        known = united.get(version.signature)
        holders = version.holders + (known.holders if known else 0)
        united[version.signature] = replace(version, holders=holders)
    return sorted(united.values(), key=lambda version: (-version.seq, version.signature))


def _looked_up(reports: Iterable[dht.LookupReport]) -> dht.LookupReport:
    reports = list(reports)
    return replace(
        reports[0],
        asked=sum(report.asked for report in reports),
        answered=sum(report.answered for report in reports),
        timed_out=sum(report.timed_out for report in reports),
        elapsed_ms=max(report.elapsed_ms for report in reports),
    )


def _put(replies: Sequence[dht.PutReply]) -> dht.PutReply:
    return replace(
        replies[0],
        conflict=any(reply.conflict for reply in replies),
        storing=_stored([reply.storing for reply in replies]),
        lookup=_looked_up(reply.lookup for reply in replies),
    )


def _stored(reports: Sequence[dht.StoringReport]) -> dht.StoringReport:
    rejected: dict[int, int] = {}
    for report in reports:
        for code, nodes in report.rejected.items():
            rejected[code] = rejected.get(code, 0) + nodes
    return replace(
        reports[0],
        asked=sum(report.asked for report in reports),
        answered=sum(report.answered for report in reports),
        stored=sum(report.stored for report in reports),
        rejected=rejected,
        timed_out=sum(report.timed_out for report in reports),
        prefixes=sum(report.prefixes for report in reports),
        closest_distance=max(report.closest_distance for report in reports),
        elapsed_ms=max(report.elapsed_ms for report in reports),
        suspicious=any(report.suspicious for report in reports),
    )
