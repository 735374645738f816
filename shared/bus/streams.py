"""Every key the bus has in Redis, every length and every duration, each with its reason.

Braces are Redis Cluster hash tags: a stream and its bookkeeping stay on one shard.
"""

from __future__ import annotations

from dataclasses import dataclass

REPLY_PREFIX = "scout:replies:"
"""A consumer answers only to keys that begin so: an envelope can't make it write anywhere else."""

DHT_PARTITIONS = 16
"""Request streams of the DHT service, each for a part of all targets: several for each of a few nodes, so that what one
leaves behind is spread over the others. Not a setting: processes that disagree would talk past each other."""

REPLY_TTL_MS = 30_000
"""A reply stream outlives its caller by this: several refreshes may be lost, and a dead caller leaves nothing."""

REPLY_REFRESH_S = 2.0
"""Far below the TTL; also how long replies go astray after somebody flushed the server under a living connection."""

REPLY_MAXLEN = 10_000
"""Entries (a batch of replies each) kept for a caller that has stopped reading. One that reads trims what it read."""

DEAD_MAXLEN = 1_000
"""Dead letters kept for each service: enough to see what went wrong, too few to matter in memory."""

MAX_BACKLOG = 10_000
"""Requests waiting or in hand above which a requester refuses at the door: about a second of work, and 10 MB."""

BACKLOG_FRESH_S = 0.25
"""How long a backlog over the limit is believed; then calls are let through, and the first brings a new figure."""

RETRY_AFTER_S = 1.0
"""What a refused caller is told to wait: the time that the longest accepted backlog takes, or a server's restart."""

REPLY_BLOCK_MS = 1_000
"""How long a requester's read of its replies waits in the server: below the refresh of the TTL, which it carries."""

MAX_ATTEMPTS = 3
"""Deliveries and tries of one request, together, before it is a dead letter."""

SWEEP_IDLE_MS = 3_600_000
"""A consumer's name unused this long, with nothing pending, belongs to a process that is gone: a living one reads
every second."""

BATCH_MAX = 64
"""Requests sent, or read, in one go. Small enough that callers, server and replicas work at the same time instead of
in turns."""

PATIENCE_S = 5.0
"""How long an answer of the server is waited for, beyond any time it was asked to block, before the connection is
given up: a stalled server or a network that swallows packets."""

KEY_VALUE_PATIENCE_S = 2.0
"""How long a value is asked for while Redis is away: its callers have no deadline of their own, only the API's."""

CONNECT_S = 2.0
"""How long a connection may take to be made."""

BACKOFF_FIRST_S = 0.05
"""Longest pause before the first attempt to connect again; it doubles from here."""

BACKOFF_MAX_S = 1.0
"""Longest pause between attempts: what a caller may lose of its deadline after the server is back."""

OUTAGE_S = 10.0
"""An outage this long turns readiness false. Shorter ones are ridden out: a restart with an AOF takes some seconds."""

MAX_KEPT = 100_000
"""Items kept alive at the most, unless the operator says otherwise: with 1.7 KB each (measured, values of 1000 bytes)
170 MB of the server's memory, and 28 puts a second for the whole cluster."""

KEEP_OVERDUE_MS = 120_000
"""An item that should have been put again this long ago is overdue: by then the work of a node that died has been taken
over, and two attempts may have failed."""

KEPT_DUE = "scout:{keep}:due"
"""Sorted set: target -> when it should be put again (ms). Its TTL is the longest lease's; the next one's, too."""

KEPT_TURNS = "scout:{keep}:turns"
"""Sorted set: target -> when a node may take it up (ms): when it is due; after a claim or a failure, a while later."""

FLEET_REPORTS = "scout:{fleet}:reports"
"""Hash: instance -> its last report, of some kilobytes. It ends with the last process, as does the next one."""

FLEET_SEEN = "scout:{fleet}:seen"
"""Sorted set: instance -> when it last reported, by the server's clock (ms)."""

FLEET_EVERY_S = 2.0
"""How often a process reports itself: often enough for a page that people watch, 0.5 writes a second for each."""

FLEET_DEAD_MS = 7_000
"""A process that has been silent for so long is dead: it missed three reports. With the page's own pace, a death shows
within ten seconds."""

FLEET_TTL_MS = 3_600_000
"""A dead process is shown for an hour, so that whoever is called in the night still sees who it was."""

FLEET_MAX = 500
"""Processes remembered at the most, dead ones included: the longest silent make room. A pod that dies every ten seconds
for an hour leaves 360; all reports together stay within a few megabytes."""

SIGHTING_SOONEST_MS = 5_000
"""How long after a change, or a write, a watched item is looked at again: people who write to each other come back
within seconds, and a lookup costs some forty packets. Also the pause after a look that failed."""

SIGHTING_LATEST_MS = 60_000
"""The longest that a look may take to come round while nothing happens: less than a packet a second for each item that
is watched, however many watch it."""

SIGHTING_SLOWER = 1.5
"""Each look that finds no change makes the next one later by this factor: from the shortest to the longest pause in
seven looks and three minutes."""

SIGHTING_TURN_MS = 12_000
"""Whose turn it is to look has that long, above the longest deadline of a request; then the turn is another's."""

SIGHTING_TTL_MS = 3 * SIGHTING_LATEST_MS
"""A sighting ends when it was not seen again for so long. They are as many as are watched, each of one or
two kilobytes, and of ten when it is full of forks: 50,000 watchers of items of their own take about 100 MB."""

WITHOUT_TTL = ("scout:{*}:requests", "scout:{*}:dead")
"""The only keys that may have no TTL (glob patterns). The first is bounded by MAX_BACKLOG and emptied by its consumers,
the second is cut at DEAD_MAXLEN."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The rhythm of a consumer."""

    lease_ms: int = 5_000
    """Idle time after which a request counts as abandoned. Consumers renew what they have in hand, so it need not
    exceed the longest handler, only the longest pause of a living process."""
    renew_s: float = 1.0
    """How often requests in hand are renewed: four renewals may be late before somebody else takes over."""
    claim_s: float = 1.0
    """How often abandoned requests are looked for: with the lease, a dead replica's work is taken over in 6 s at the
    most, within the API's deadline of 10 s."""
    block_ms: int = 1_000
    """How long a read waits in the server: short, for abandoned requests are looked for between two reads."""
    sweep_s: float = 300.0
    """How often a consumer looks for names in its group that nobody uses any more."""
    member_ttl_ms: int = 3_500
    """A member of a sharded service that has shown no sign of life for so long is gone, and its partitions go to the
    others. Signs come with the renewals: three may be lost."""
    grace_s: float = 2.0
    """How long requests may wait in a partition that nobody reads, before those who do not own it read it as well."""


def shards(service: str) -> tuple[str, ...]:
    """All shards of a service: itself, or for the DHT one for each partition."""
    if service != "dht":
        return (service,)
    return tuple(f"dht:{partition}" for partition in range(DHT_PARTITIONS))


def shard(service: str, target: bytes = b"") -> str:
    """The shard that serves a request: the service's name, for the DHT with the partition of the 20-byte target."""
    if service != "dht":
        return service
    return f"dht:{int.from_bytes(target[:2]) * DHT_PARTITIONS >> 16}"


def members(service: str) -> str:
    """Sorted set of the replicas of a sharded service: name -> last sign of life (ms). It ends when all have gone."""
    return f"scout:{{{service}}}:members"


def requests(of_shard: str) -> str:
    """The stream of requests to one shard of a service."""
    return f"scout:{{{of_shard}}}:requests"


def dead_letters(of_shard: str) -> str:
    """The stream of requests that this shard gave up, each with its reason."""
    return f"scout:{{{of_shard}}}:dead"


def replies(instance: str) -> str:
    """The stream of replies to one requester."""
    return f"{REPLY_PREFIX}{instance}"


def idempotency(tenant: str, key: str) -> str:
    """Where the API remembers the answer that belongs to an Idempotency-Key; always set with a TTL."""
    return f"scout:{{idempotency}}:{tenant}:{key}"


def budget(tenant: str, key: str = "") -> str:
    """The hash with what a tenant, or one of its API keys, has left of its DHT packets; its TTL ends when it is full.

    All of one tenant are on one shard, so that a request is charged to both in one step.
    """
    return f"scout:{{budget:{tenant}}}:{f'key:{key}' if key else 'tenant'}"


def sighting(target: bytes) -> str:
    """The hash with what was last seen of a watched item, and when it should be looked at again."""
    return f"scout:{{sighting:{target.hex()}}}"


def kept(target: bytes) -> str:
    """The hash with the copy of a kept item: its seq, the end of its lease, the copy; its TTL is that of the lease."""
    return f"scout:{{keep}}:item:{target.hex()}"
