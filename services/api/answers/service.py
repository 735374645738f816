"""Handles, and the service itself: its DHT nodes, its fleet."""

from __future__ import annotations

from enum import StrEnum

from services.api.answers.base import Answered, LookupAnswer, Moment
from shared.contracts.fleet import Api, BusService, Crypto, Dht
from shared.json_bytes import Bytes20, Bytes32


class RootAnswer(Answered, frozen=True, kw_only=True):
    """Where to go from here."""

    service: str
    """Its name."""
    api: str
    """Where the paths of the API begin."""
    documentation: str
    """For people."""
    openapi: str
    """The same for programs."""


class KeyAnswer(Answered, frozen=True, kw_only=True):
    """A key's handle and its public half."""

    key: str
    """The handle: the secret, wrapped for you to keep. Treat it like the secret itself."""
    public_key: Bytes32
    """For whoever wants a link with you."""


class RewrappedAnswer(Answered, frozen=True, kw_only=True):
    """The same secret in a new handle."""

    handle: str
    """To be used from now on in the place of the old one."""
    kind: str
    """What it is of: `key` or `link`."""


class LinkAnswer(Answered, frozen=True, kw_only=True):
    """A link's handle, its format, and which of its members the caller is."""

    link: str
    """The handle, for the header `Scout-Link`. Treat it like the secret itself."""
    format: str
    """How the record is written."""
    member: int
    """Your number among those who share the link."""


class StatusAnswer(Answered, frozen=True, kw_only=True):
    """A DHT node's own view of itself and of the network."""

    node_id: Bytes20
    """Its id."""
    ready: bool
    """It has joined, and has shown lately that it can store and find."""
    external_address: str | None
    """Its IP address as other nodes see it; null while too few have said so."""
    contacts: int
    """Nodes in its routing table."""
    good_contacts: int
    """Of them: answered lately."""
    answer_ratio: float
    """Share of its queries that are answered."""
    stored_items: int
    """Items that it stores for others."""
    stored_bytes: int
    """Bytes that those take."""
    read_only: bool
    """It asks, and answers nobody (BEP 43)."""
    canary_failures: int
    """Rounds in a row in which its own item did not come back from the DHT."""
    canary_age_s: float | None
    """Seconds since that item last came back; null before the first time."""
    network_size: int | None
    """Nodes of the network that answer, as estimated from the node's lookups; null while too little is known."""


class PingAnswer(Answered, frozen=True, kw_only=True):
    """What came of a ping."""

    address: str
    """The node that was pinged."""
    answered: bool
    """Silence is no error."""
    node_id: Bytes20 | None
    """The id of the node that answered."""
    seen_as: str | None
    """Our node's `ip:port` as the other one sees it."""
    elapsed_ms: float
    """How long it took."""


class NodeAnswer(Answered, frozen=True, kw_only=True):
    """A node of the DHT."""

    node_id: Bytes20
    """Its id."""
    address: str
    """Its `ip:port`."""


class NearestAnswer(Answered, frozen=True, kw_only=True):
    """The nearest nodes that answered, nearest first."""

    nodes: list[NodeAnswer]
    """At most eight."""
    lookup: LookupAnswer | None
    """How they were found."""


class ProcessState(StrEnum):
    """How a process of the fleet is."""

    READY = "ready"
    """It has all that it needs."""
    NOT_READY = "not_ready"
    """It reports itself, and lacks something that it needs."""
    DEAD = "dead"
    """It has been silent for some seconds, and did not say goodbye."""
    REPLACED = "replaced"
    """It is dead, and another of its service has started since."""


class ProcessAnswer(Answered, frozen=True, kw_only=True):
    """A process of the fleet, as it was when last heard of. What it says of itself is passed on as it came."""

    service: str
    """`api`, `crypto`, `dht_node`, or `standalone`, which is all of them."""
    instance: str
    """Its name, which never comes twice."""
    host: str
    """The machine, or the pod, that it runs on."""
    version: str
    """Of Scout."""
    started: Moment
    """When it began."""
    silent_s: float
    """Seconds since it was heard of."""
    state: ProcessState
    """How it is."""
    checks: dict[str, bool]
    """What it needs to be useful, and whether it has it."""
    bus: dict[str, BusService]
    """What it answers for on the bus."""
    dht: Dht | None
    """What a DHT node adds."""
    crypto: Crypto | None
    """What a crypto process adds."""
    api: Api | None
    """What an API process adds."""


class ProblemAnswer(Answered, frozen=True, kw_only=True):
    """Something that is wrong."""

    subject: str
    """The instance or service that it is about."""
    text: str
    """A sentence."""


class FleetAnswer(Answered, frozen=True, kw_only=True):
    """Every process of the cluster that reported itself within the hour."""

    healthy: bool
    """Nothing is wrong."""
    problems: list[ProblemAnswer]
    """Empty when all is well."""
    processes: list[ProcessAnswer]
    """Those of today, and of those that went within the hour."""
    dead_letters: dict[str, int]
    """By shard of the bus: requests that were given up and are kept to be looked at."""
    at: Moment
    """When this was put together."""


class DeadLetterAnswer(Answered, frozen=True, kw_only=True):
    """A request that was given up; never what was in it."""

    shard: str
    """The part of the bus that keeps it."""
    operation: str
    """What was asked for; empty when not even that could be read."""
    reason: str
    """Why it was given up."""
    age_s: float
    """Seconds since then."""
    deliveries: int
    """How often a replica was given it."""
    request_id: str
    """Under which the logs have it."""


class DeadLettersAnswer(Answered, frozen=True, kw_only=True):
    """The requests that were given up last, the newest first."""

    letters: list[DeadLetterAnswer]
    """The newest first."""
