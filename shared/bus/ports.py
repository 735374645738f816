"""What services and gateways know of the bus: they ask, or they answer.

Two implementations keep one contract suite (tests/contract): Redis streams, and an in-memory twin for one process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.contracts.fleet import Report
from shared.contracts.operation import CallContext, Operation, Reply, Request

Handler = Callable[[Any, CallContext], Awaitable[Any]]
"""Works on one request and returns its reply. It raises `ScoutError` for an answer that is an error.
It may be called again for a request that another replica began: it must be idempotent."""

Handlers = Mapping[Operation[Any, Any], Handler]


class Requester(Protocol):
    """The asking side."""

    async def call(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> Reply:
        """Ask for `operation` and wait for its reply, at the longest until `context.deadline_ms`.

        Raises ScoutError: what the handler raised, or `deadline_exceeded`, `overloaded`, `bus_unavailable`, `internal`.
        """
        ...


class KeyValue(Protocol):
    """A small shared memory with expiry: what the API remembers for an Idempotency-Key."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None when it was never set or has expired. Raises ScoutError (`bus_unavailable`)."""
        ...

    async def set(self, key: str, value: bytes, ttl_s: float, *, only_if_absent: bool = False) -> bool:
        """Remember `value` for `ttl_s` seconds; False when `only_if_absent` and there is one already.

        Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget the value, if there is one. Raises ScoutError (`bus_unavailable`)."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """A budget that all replicas spend from: what is not spent is saved up, to `burst` at the most."""

    name: str
    """Of its key; those of one call are on one shard."""
    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A bucket has less than was asked of it."""

    bucket: Bucket
    seconds: float
    """Until it would have enough, if nobody else takes any."""


class Budgets(Protocol):
    """Token buckets by the clock of whoever keeps them: hosts whose clocks differ spend from them alike."""

    async def take(self, buckets: Sequence[Bucket], packets: float) -> Shortfall | None:
        """Take `packets` from each of the buckets, or from none: then the one that would take longest is named.

        More than a bucket's burst is never there. Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def settle(self, buckets: Sequence[Bucket], packets: float) -> None:
        """Give `packets` back to each of the buckets; below 0, take them, of which a bucket may come to owe some.

        Raises ScoutError (`bus_unavailable`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """An item that the cluster keeps alive, in the version that it would put again."""

    target: bytes
    """20 bytes; names the item."""
    seq: int
    """Of two versions the one with the higher seq is kept; 0 for an item that has only one."""
    copy: bytes
    """The version itself, for whoever puts it again; opaque here."""
    until_ms: int
    """Wall clock: the end of the lease."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one look at the leases brought."""

    leases: tuple[Lease, ...]
    """To be put again by whoever claimed them, and by nobody else for a while."""
    kept: int
    """Items under lease, in all."""
    overdue: int
    """Of those, how many should have been put again `streams.KEEP_OVERDUE_MS` ago."""


class Leases(Protocol):
    """The items that a cluster keeps alive, shared by all its DHT nodes. All times are wall-clock milliseconds."""

    async def keep(self, lease: Lease, *, due_ms: int, now_ms: int, owner: str = "") -> int:
        """Keep an item that was put just now, and is due again at `due_ms`; returns the end of the lease that holds.

        It is a wish of its `owner`. Of all wishes for an item the latest end holds, and the copy with the highest seq.
        One that ends at `now_ms` or before begins nothing: it only brings its copy to a lease that there is, or returns
        0. Raises ScoutError: `keep_full`, `bus_unavailable`.
        """
        ...

    async def wish(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """The lease on an item with the end that its `owner` asked for; None when they did not, or it is over.

        Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def release(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """End what `owner` asked for, and return it as `wish` does; None when there was nothing to end.

        What others asked for goes on; without any such the item is forgotten. Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def claim(self, *, now_ms: int, hold_ms: int, limit: int) -> Claimed:
        """Take up to `limit` items that are due; nobody else is given them for `hold_ms`.

        An item is also due when its lease ends: then it is forgotten. Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def put_again(self, target: bytes, *, due_ms: int) -> None:
        """An item was put again, and is due next at `due_ms`. Raises ScoutError (`bus_unavailable`)."""
        ...

    async def postpone(self, target: bytes, *, until_ms: int) -> None:
        """An item could not be put again: it stays due, but nobody tries before `until_ms`.

        Raises ScoutError (`bus_unavailable`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the fleet, as it was when last heard of."""

    report: Report
    silent_ms: int
    """Time since it reported."""


class Fleet(Protocol):
    """Who is there: what every process of the cluster says about itself."""

    async def report(self, report: Report) -> None:
        """Say how one process is. Raises ScoutError (`bus_unavailable`)."""
        ...

    async def leave(self, instance: str) -> None:
        """A process ends as it should, and is forgotten. Raises ScoutError (`bus_unavailable`)."""
        ...

    async def members(self) -> list[Member]:
        """All that were heard of within `streams.FLEET_TTL_MS`, by service and instance.

        Raises ScoutError (`bus_unavailable`).
        """
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A request that was given up: what it was, never what was in it."""

    shard: str
    operation: str
    """Empty when the envelope could not be read; else what the caller wrote there, which may be anything."""
    reason: str
    """`shared.bus.meters.DeadReason`."""
    age_ms: int
    """Time since it was given up."""
    deliveries: int
    """How often a replica was given it."""
    trace: str
    """The id under which its caller's log and the services' logs have it; what the caller wrote there."""


class DeadLetters(Protocol):
    """The requests that the services gave up."""

    async def counts(self) -> dict[str, int]:
        """How many are kept, by shard: at most about `streams.DEAD_MAXLEN` each.

        Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def latest(self, limit: int) -> list[DeadLetter]:
        """The last `limit` of all shards, the newest first. Raises ScoutError (`bus_unavailable`)."""
        ...
