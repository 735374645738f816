"""A DHT of a few nodes in memory, behind the use cases' port: compare-and-swap on every node, loss, racing writers.

Every node keeps what it took, checks signatures and seqs as BEP 44 says, and may lose a datagram by the dice. Between
two nodes of one put the loop runs, and every put visits the nodes in an order of its own: so two writers that race
each get some of them, as on a real network.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.format import bep44, keys
from shared.usecases.keeping import handed_over, has_taken, with_ahead

OLDER = 302
OTHER = 301
WIDTH = 8


@dataclass
class TwinNode:
    """One storing node."""

    mutable: dict[bytes, dht.MutableVersion] = field(default_factory=dict)
    immutable: dict[bytes, bytes] = field(default_factory=dict)

    def offer(self, target: bytes, version: dht.MutableVersion, seen: list[bytes] | None) -> int:
        """Store `version` and answer 0, or the KRPC error code that says why not."""
        held = self.mutable.get(target)
        if held is not None and held.signature != version.signature:
            if seen is not None and held.signature not in seen:
                return OTHER
            if version.seq <= held.seq:
                return OLDER
        self.mutable[target] = version
        return 0


class TwinDht:
    """The port `shared.usecases.ports.Dht` over `size` nodes, which all are the closest to everything."""

    def __init__(self, size: int = WIDTH, *, seed: int = 1, loss: float = 0.0) -> None:
        self.nodes = [TwinNode() for _ in range(size)]
        self.dice = random.Random(seed)
        self.loss = loss
        self.rollback_suspected = False
        """What every get says of it."""
        self.puts = 0
        """Mutable puts so far."""
        self.gets = 0
        """Mutable gets so far."""
        self.keeps: list[int] = []
        """The seconds that each put asked to be kept for; they are granted, by a clock that stands at the epoch."""
        self.ahead: dict[bytes, dht.KeptVersion] = {}
        """Target -> the version that is to be put there when its time comes: see `put_ahead`."""
        self.kept: dict[tuple[str, bytes], bytes] = {}
        """Tenant and target -> the immutable value that is kept for it."""
        self.keep_refused = ""
        """With an error code here nothing is kept."""
        self.stalled = False
        """Gets of immutable items never end."""

    async def get_mutable(self, request: dht.GetMutable, _context: CallContext) -> dht.GetMutableReply:
        self.gets += 1
        target = bep44.mutable_target(request.public_key, request.salt)
        held: Counter[bytes] = Counter()
        versions: dict[bytes, dht.MutableVersion] = {}
        answering = [node for node in self.nodes if not self._lost()]
        for node in answering:
            await asyncio.sleep(0)
            if target in node.mutable:
                version = node.mutable[target]
                versions[version.signature] = version
                held[version.signature] += 1
        found = [_with_holders(version, held[version.signature]) for version in versions.values()]
        found.sort(key=lambda version: -version.seq)
        return dht.GetMutableReply(
            versions=found if request.settle else found[:1],
            report=self._lookup(len(answering)),
            rollback_suspected=self.rollback_suspected,
        )

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        self.puts += 1
        signed = bep44.signable_bytes(request.value, request.seq, request.salt)
        assert keys.verify(request.public_key, signed, request.signature)
        assert len(request.value) <= bep44.MAX_VALUE
        assert request.seq >= 1
        target = bep44.mutable_target(request.public_key, request.salt)
        version = dht.MutableVersion(value=request.value, seq=request.seq, signature=request.signature, holders=1)
        outcomes: Counter[int] = Counter()
        behind = self.dice.sample(self.nodes, len(self.nodes))
        while behind and outcomes[0] < request.quorum:
            await asyncio.sleep(0)
            node = behind.pop()
            if not self._lost():
                outcomes[node.offer(target, version, request.seen)] += 1
        for node in behind:  # a put that has its quorum answers, and the rest goes on
            node.offer(target, version, request.seen)
        reply = self._reply(target, outcomes, request.keep)
        return with_ahead(reply, await handed_over(self, request.ahead, context)) if has_taken(reply) else reply

    async def keep(self, request: dht.Keep, _context: CallContext) -> dht.KeepReply:
        if self.keep_refused:
            return dht.KeepReply(keep_refused=self.keep_refused)
        ends = [0]
        for version in request.versions:
            signed = bep44.signable_bytes(version.value, version.seq, version.salt)
            assert keys.verify(version.public_key, signed, version.signature)
            target = bep44.mutable_target(version.public_key, version.salt)
            held = self.ahead.get(target)
            until_ms = max(version.until_ms, held.until_ms if held else 0)
            if until_ms and (held is None or version.seq > held.seq):
                self.ahead[target] = msgspec.structs.replace(version, until_ms=until_ms)
            ends.append(until_ms)
        return dht.KeepReply(kept_until_ms=max(ends))

    async def release(self, request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        wish = (context.tenant, request.target)
        value = self.kept.pop(wish, None) if request.end else self.kept.get(wish)
        return dht.ReleaseReply(value=value, until_ms=0 if value is None else 1)

    def put_ahead(self, now_ms: int) -> None:
        """Put what was handed over for this moment, as a cluster's keeper does."""
        for target, ahead in self.ahead.items():
            if ahead.from_ms <= now_ms < ahead.until_ms:
                version = dht.MutableVersion(value=ahead.value, seq=ahead.seq, signature=ahead.signature, holders=1)
                for node in self.nodes:
                    node.offer(target, version, None)

    def forget(self) -> None:
        """Drop all mutable items, as nodes do two hours after the last put."""
        for node in self.nodes:
            node.mutable.clear()

    async def get_immutable(self, request: dht.GetImmutable, _context: CallContext) -> dht.GetImmutableReply:
        await (asyncio.Event().wait() if self.stalled else asyncio.sleep(0))
        answering = [node for node in self.nodes if not self._lost()]
        values = [node.immutable[request.target] for node in answering if request.target in node.immutable]
        return dht.GetImmutableReply(value=values[0] if values else None, report=self._lookup(len(answering)))

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        await asyncio.sleep(0)
        target = bep44.immutable_target(request.value)
        if request.keep:
            self.kept[context.tenant, target] = request.value
        outcomes: Counter[int] = Counter()
        for node in self.nodes:
            if not self._lost():
                node.immutable[target] = request.value
                outcomes[0] += 1
        return self._reply(target, outcomes, request.keep)

    def plant(self, public_key: bytes, version: dht.MutableVersion, nodes: slice = slice(None)) -> None:
        """Put a version on some nodes, past all checks: what a hostile or a racing peer has stored."""
        target = bep44.mutable_target(public_key)
        for node in self.nodes[nodes]:
            node.mutable[target] = version

    def stored_anything(self) -> bool:
        """Whether any node holds anything."""
        return any(node.mutable or node.immutable for node in self.nodes)

    def _lost(self) -> bool:
        return self.dice.random() < self.loss

    def _lookup(self, answered: int) -> dht.LookupReport:
        asked = len(self.nodes)
        return dht.LookupReport(asked=asked, answered=answered, timed_out=asked - answered, elapsed_ms=0.0)

    def _reply(self, target: bytes, outcomes: Counter[int], keep: int) -> dht.PutReply:
        self.keeps.append(keep)
        answered = outcomes.total()
        rejected = {code: count for code, count in outcomes.items() if code}
        storing = dht.StoringReport(
            asked=len(self.nodes),
            answered=answered,
            stored=outcomes[0],
            rejected=rejected,
            timed_out=len(self.nodes) - answered,
            prefixes=outcomes[0],
            closest_distance=0,
            elapsed_ms=0.0,
        )
        return dht.PutReply(
            target=target,
            conflict=bool(rejected),
            storing=storing,
            lookup=self._lookup(len(self.nodes)),
            kept_until_ms=0 if self.keep_refused or rejected or not outcomes[0] else keep * 1000,
            keep_refused=self.keep_refused,
        )


def _with_holders(version: dht.MutableVersion, holders: int) -> dht.MutableVersion:
    return dht.MutableVersion(value=version.value, seq=version.seq, signature=version.signature, holders=holders)
