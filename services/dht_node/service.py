"""What a DHT node does for the rest of Scout, in the words of `shared.contracts.dht`.

Implements `shared.usecases.ports.Dht`, so it serves over the bus and within one process alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from services.dht_node.core.contact import Address
from services.dht_node.core.errors import Misuse
from services.dht_node.core.events import (
    ImmutableFound,
    Isolated,
    LookupCounts,
    MutableFound,
    NodesFound,
    OperationId,
    Outcome,
    PeersFound,
    Pinged,
    Stored,
)
from services.dht_node.core.items import MutablePut
from services.dht_node.core.node import Node
from services.dht_node.core.operations import TooManyOperations
from services.dht_node.health import CanaryHealth
from services.dht_node.lookup_meters import LookupKind, LookupMeters, family_name, outcome_of
from services.dht_node.net.driver import Driver
from services.dht_node.reports import lookup_report, parse_address, seen_as, storing_report
from shared.clock import Clock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.settings import Endpoint

ANSWER_RESERVE = 0.05
"""Seconds kept of a caller's deadline, so that an answer made at the last moment still reaches him."""
RETRY_AFTER = 2.0
"""Seconds; by then a node that lost its contacts has asked the bootstrap nodes again."""
READY_RATIO = 0.1
"""Share of our queries that must be answered. Clouds see a quarter (pubky/mainline#56); a cut line sees none."""

Begin = Callable[[Node, float, float], OperationId]
"""(node, now, deadline) -> the operation begun; both times in monotonic seconds."""
T = TypeVar("T", bound=Outcome)

log = logging.getLogger(__name__)


class DhtService:
    """One running node, asked by contract. Every call raises ScoutError.

    `dht_unavailable`: no contact answers; `deadline_exceeded`; `overloaded`; `item_too_large`; `invalid_request`.
    """

    def __init__(self, driver: Driver, clock: Clock, meters: LookupMeters | None = None) -> None:
        self._driver = driver
        self._clock = clock
        self._meters = meters
        if meters is not None:
            meters.expect(driver.node.family)
        self.canary = CanaryHealth()
        """Kept up to date by whoever runs the canary."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the node listens."""
        return self._driver.endpoint

    @property
    def address(self) -> Address:
        """The same, as a DHT contact."""
        return self.endpoint.host, self.endpoint.port

    @property
    def ready(self) -> bool:
        """Whether callers are served well here: there is a network around us, and our own item comes back from it."""
        return self.joined and self.canary.alive

    @property
    def joined(self) -> bool:
        """Whether a caller's lookups would find anybody."""
        node = self._driver.node
        return node.connected(self._clock.monotonic()) and node.answer_ratio >= READY_RATIO

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item."""
        target = bep44.mutable_target(request.public_key, request.salt)
        found = await self._look_up(
            LookupKind.GET_MUTABLE,
            lambda node, now, deadline: node.get_mutable(
                target, request.salt, settle=request.settle, deadline=deadline, now=now
            ),
            MutableFound,
            context,
        )
        _check_looked_up(found.lookup, found=bool(found.versions))
        versions = [
            dht.MutableVersion(value=v.value, seq=v.seq, signature=v.signature, holders=v.holders)
            for v in found.versions
        ]
        return dht.GetMutableReply(
            versions=versions, report=lookup_report(found.lookup), rollback_suspected=found.rollback_suspected
        )

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version, conditionally when `request.seen` is given."""
        _check_size(request.value)
        item = MutablePut(
            request.public_key,
            request.salt,
            request.seq,
            request.value,
            request.signature,
            None if request.seen is None else frozenset(request.seen),
        )
        return await self._put(
            LookupKind.PUT_MUTABLE,
            lambda node, now, deadline: node.put_mutable(item, request.quorum, deadline=deadline, now=now),
            context,
        )

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item by its target."""
        found = await self._look_up(
            LookupKind.GET_IMMUTABLE,
            lambda node, now, deadline: node.get_immutable(request.target, deadline=deadline, now=now),
            ImmutableFound,
            context,
        )
        _check_looked_up(found.lookup, found=found.value is not None)
        return dht.GetImmutableReply(value=found.value, report=lookup_report(found.lookup))

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """Store an immutable item."""
        _check_size(request.value)
        return await self._put(
            LookupKind.PUT_IMMUTABLE,
            lambda node, now, deadline: node.put_immutable(request.value, request.quorum, deadline=deadline, now=now),
            context,
        )

    async def get_peers(self, request: dht.GetPeers, context: CallContext) -> dht.GetPeersReply:
        """Find the peers announced for an info-hash."""
        found = await self._look_up(
            LookupKind.GET_PEERS,
            lambda node, now, deadline: node.get_peers(request.info_hash, deadline=deadline, now=now),
            PeersFound,
            context,
        )
        _check_looked_up(found.lookup, found=bool(found.peers))
        return dht.GetPeersReply(
            peers=[str(Endpoint(*peer)) for peer in found.peers], report=lookup_report(found.lookup)
        )

    async def announce_peer(self, request: dht.AnnouncePeer, context: CallContext) -> dht.PutReply:
        """Announce a port of this node's address for an info-hash."""
        return await self._put(
            LookupKind.ANNOUNCE_PEER,
            lambda node, now, deadline: node.announce(
                request.info_hash, request.port, request.quorum, deadline=deadline, now=now
            ),
            context,
        )

    async def ping(self, request: dht.Ping, context: CallContext) -> dht.PingReply:
        """Ask one node whether it is there. Silence is an answer here, and no error."""
        address = parse_address(request.address)
        pinged = _expected(
            Pinged,
            await self._run(lambda node, now, deadline: node.ping(address, deadline=deadline, now=now), context),
        )
        return dht.PingReply(
            node_id=pinged.node_id, seen_as=seen_as(pinged.external_ip), elapsed_ms=pinged.seconds * 1000
        )

    async def lookup(self, request: dht.Lookup, context: CallContext) -> dht.LookupReply:
        """Find the nodes nearest to a target."""
        found = await self._look_up(
            LookupKind.FIND_NODE,
            lambda node, now, deadline: node.find_node(request.target, deadline=deadline, now=now),
            NodesFound,
            context,
        )
        _check_looked_up(found.lookup, found=bool(found.contacts))
        nodes = [dht.NodeFound(node_id=node_id, address=str(Endpoint(*address))) for node_id, address in found.contacts]
        return dht.LookupReply(nodes=nodes, report=lookup_report(found.lookup))

    async def status(self, _request: dht.Status, _context: CallContext) -> dht.StatusReply:
        """Say how the node is."""
        node = self._driver.node
        return dht.StatusReply(
            node_id=node.id,
            external_address=node.external_host,
            ready=self.ready,
            contacts=node.contacts,
            good_contacts=node.good_contacts(self._clock.monotonic()),
            answer_ratio=node.answer_ratio,
            stored_items=node.stored_items,
            stored_bytes=node.stored_bytes,
            read_only=node.read_only,
            canary_failures=self.canary.failures,
            canary_age_s=self.canary.age(self._clock.monotonic()),
            network_size=node.network_size,
        )

    async def _put(self, kind: LookupKind, begin: Begin, context: CallContext) -> dht.PutReply:
        stored = await self._look_up(kind, begin, Stored, context)
        if stored.asked == 0 and not stored.conflict:
            _check_looked_up(stored.lookup, found=False)
        return dht.PutReply(
            target=stored.target,
            conflict=stored.conflict,
            storing=storing_report(stored),
            lookup=lookup_report(stored.lookup),
        )

    async def _look_up(self, kind: LookupKind, begin: Begin, outcome: type[T], context: CallContext) -> T:
        """Run a lookup, count it and log it: one line for each, as each costs dozens of datagrams."""
        started = self._clock.monotonic()
        ended = await self._run(begin, context)
        seconds = self._clock.monotonic() - started
        family, how = family_name(self._driver.node.family), outcome_of(ended)
        if self._meters is not None:
            self._meters.seconds.labels(family, kind, how).observe(seconds)
        log.info("lookup", extra={"family": family, "kind": kind, "outcome": how, "ms": round(seconds * 1000, 3)})
        return _expected(outcome, ended)

    async def _run(self, begin: Begin, context: CallContext) -> Outcome:
        left = (context.deadline_ms - self._clock.utc_ms()) / 1000 - ANSWER_RESERVE
        if left <= 0:
            raise _late()
        try:
            return await self._driver.run(lambda node, now: begin(node, now, now + left))
        except Misuse as error:
            raise ScoutError(ErrorCode.INVALID_REQUEST, f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        except TooManyOperations as error:
            raise ScoutError(ErrorCode.OVERLOADED, f"This DHT node is busy: {error}.", retry_after=1.0) from None


def _expected(kind: type[T], outcome: Outcome) -> T:
    """The outcome of an operation that could begin. Raises ScoutError (`dht_unavailable`) for one that could not."""
    if isinstance(outcome, Isolated):
        raise _unavailable("This DHT node has no contacts yet, or has lost them.")
    if not isinstance(outcome, kind):
        raise TypeError(f"expected {kind.__name__}, got {outcome!r}")
    return outcome


def _check_looked_up(lookup: LookupCounts, *, found: bool) -> None:
    """Nothing found is an answer only when nodes gave it."""
    if found or (lookup.answered and lookup.complete):
        return
    if lookup.asked and not lookup.answered and lookup.complete:
        raise _unavailable(f"None of {lookup.asked} nodes answered.")
    raise _late()


def _check_size(value: bytes) -> None:
    if len(value) > bep44.MAX_VALUE:
        raise ScoutError(
            ErrorCode.ITEM_TOO_LARGE,
            f"Expected a bencoded value of at most {bep44.MAX_VALUE} bytes, got {len(value)}.",
            facts={"limit": bep44.MAX_VALUE, "size": len(value)},
        )


def _unavailable(sentence: str) -> ScoutError:
    return ScoutError(ErrorCode.DHT_UNAVAILABLE, sentence, retry_after=RETRY_AFTER)


def _late() -> ScoutError:
    return ScoutError(
        ErrorCode.DEADLINE_EXCEEDED, "The deadline came before enough nodes had answered.", retry_after=RETRY_AFTER
    )
