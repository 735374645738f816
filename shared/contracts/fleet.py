"""What every process says about itself, every two seconds, for those who look after the cluster.

Reports hold what an operator may see anyway: where his own nodes are, and the figures that /metrics shows, read at the
same source. No secret, no tenant, nothing of a caller. Counts are since the process started.
"""

from __future__ import annotations

from shared.contracts.operation import Message


class Histogram(Message, frozen=True, kw_only=True):
    """How long something took, as Prometheus counts it."""

    bounds: list[float]
    """Seconds, rising; the last bucket, without a bound, is left out."""
    counts: list[int]
    """Observations up to each bound."""
    count: int
    """All of them."""
    sum: float
    """Seconds in all."""


class Bucket(Message, frozen=True, kw_only=True):
    """The contacts that share exactly `index` leading bits with the node's own id (BEP 5, "Routing Table")."""

    index: int
    """Leading bits that they share with it."""
    good: int
    """Answered, or asked something, of late."""
    questionable: int
    """Silent for a while."""
    bad: int
    """Unanswered queries in a row; kept only while few others are left."""


class DhtNode(Message, frozen=True, kw_only=True):
    """One node of the DHT, of one address family."""

    family: str
    """`ipv4` or `ipv6`."""
    node_id: str
    """40 lower-case hex digits."""
    listen: str
    """`host:port` of its socket."""
    external_address: str | None
    """`host`, as voted by other nodes or set by the operator; None while unknown."""
    read_only: bool
    """It answers no queries just now (BEP 43)."""
    contacts: int
    """Nodes in its routing table."""
    good_contacts: int
    """Of them: answered, or asked something, of late."""
    buckets: list[Bucket]
    """Those that hold anybody, the farthest first."""
    answer_ratio: float
    """Share of its own queries of late that were answered, 0 … 1."""
    network_size: int | None
    """Nodes of the network that answer, estimated; None while too little is known."""
    stored_items: int
    """Items that it stores for others."""
    stored_bytes: int
    """What those take."""
    datagrams_received: int
    """Datagrams that came in."""
    received_bytes: int
    """What was in them."""
    datagrams_sent: int
    """Datagrams that went out."""
    sent_bytes: int
    """What was in them."""
    queries_sent: dict[str, int]
    """Its own, by KRPC method."""
    queries_answered: dict[str, int]
    """Those of others that got an answer, by KRPC method."""
    queries_timed_out: int
    """Its own that got no answer."""
    lookups: dict[str, dict[str, int]]
    """What it looked up and put, for callers and for itself: by kind, then by outcome."""
    rejected: int
    """Datagrams dropped or refused, for whatever reason."""


class Dht(Message, frozen=True, kw_only=True):
    """What a DHT node process adds."""

    nodes: list[DhtNode]
    """One for each address family."""
    canary_success: bool
    """Whether its own item was read back last."""
    canary_age_s: float | None
    """Seconds since it was; None: not yet."""
    kept_items: int
    """Items under lease in the whole cluster: every node says the same."""
    kept_overdue: int
    """Of those, how many should have been put again two minutes ago."""
    operations: dict[str, int]
    """By operation: how often it was asked for by contract."""
    failures: dict[str, int]
    """By error code."""


class Crypto(Message, frozen=True, kw_only=True):
    """What a crypto process adds."""

    operations: dict[str, int]
    """By operation."""
    failures: dict[str, int]
    """By error code."""
    seconds: float
    """Spent in them all."""
    cache_hits: int
    """Links that were derived before."""
    cache_misses: int
    """Links that had to be derived."""


class Api(Message, frozen=True, kw_only=True):
    """What an API process adds."""

    requests: dict[str, int]
    """By `ok` or error code."""
    in_flight: int
    """Requests being worked on."""
    seconds: Histogram
    """Of all requests."""


class BusService(Message, frozen=True, kw_only=True):
    """One service on the bus, as a process that answers for it sees it."""

    lag: int
    """Requests that no replica has taken yet: the whole service's, so every replica says the same."""
    pending: int
    """Requests taken and not acknowledged; the whole service's, too."""
    partitions: int
    """Request streams that this process reads."""
    redelivered: int
    """Requests that it took over from others."""
    dead_letters: dict[str, int]
    """Requests that it gave up, by reason (`shared.bus.meters.DeadReason`)."""


class Report(Message, frozen=True, kw_only=True):
    """One process."""

    service: str
    """As in its logs: `api`, `crypto`, `dht_node`, or `standalone`, which is all of them."""
    instance: str
    """`host#pid#random`, as on the bus; never comes twice."""
    host: str
    """The machine, or the pod, that it runs on."""
    version: str
    """Of Scout."""
    uptime_ms: int
    """Since it began."""
    checks: dict[str, bool]
    """Name of a thing it needs to be useful -> whether it has it: what /readyz says."""
    bus: dict[str, BusService]
    """By the name that a service has on the bus: `crypto`, `dht`."""
    dht: Dht | None = None
    crypto: Crypto | None = None
    api: Api | None = None
