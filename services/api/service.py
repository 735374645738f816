"""What every route works with, and what every route reads from a request."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from services.api import schemas
from services.api.accounts import Accounts
from services.api.decoding import convert_text, decode_body
from services.api.gate import Gate
from services.api.keys import Caller, Keys
from services.api.meters import Meters
from services.api.watchers import Watchers
from shared.bus.gateways import BusDhtNode
from shared.bus.ports import Budgets, DeadLetters, Fleet, KeyValue
from shared.clock import Clock
from shared.contracts.crypto import MAX_HANDLE
from shared.contracts.operation import CallContext, Spending
from shared.contracts.sightings import Sightings
from shared.errors import ErrorCode, ScoutError
from shared.logs import trace_id
from shared.settings import Secret
from shared.usecases.ports import Crypto, Ports
from shared.usecases.records import Record
from shared.usecases.releasing import Releaser
from shared.usecases.synchronise import Synced, Synchroniser

T = TypeVar("T")

log = logging.getLogger(__name__)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what one request, and all together, may take."""

    deadline_ms: int = 10_000
    """For a whole request; a client should wait some seconds longer."""
    max_body: int = 128 * 1024
    """Bytes; the largest request that could succeed has about a tenth."""
    max_in_flight: int = 512
    """Requests worked on at once; more are refused at the door."""
    max_watchers: int = 1000
    """Streams of events open at once, beside those requests: each takes 25 KB and a question to Redis a second, all
    together a quarter of a core (measured)."""
    max_watchers_per_key: int = 100
    """Of one API key in one process."""
    trusted_proxies: Sequence[Network] = ()
    """Whose X-Forwarded-For is believed."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands between callers and the service."""

    limits: Limits = field(default_factory=Limits)
    keys: Keys = field(default_factory=Keys)
    origins: frozenset[str] = frozenset()
    """Whose pages may call from a browser."""
    hsts_s: int = 0
    """Seconds for which browsers are told to come by TLS only; 0: they are not told."""
    log_addresses: bool = False
    """Whether the log says where requests come from."""


@dataclass(slots=True)
class Door:
    """How many requests are inside."""

    inside: int = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count one in for the length of the block."""
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


@dataclass(frozen=True, slots=True)
class Stores:
    """What the API shares with other processes, beside the bus."""

    memory: KeyValue
    """Remembers answers for Idempotency-Keys."""
    fleet: Fleet
    dead_letters: DeadLetters
    budgets: Budgets
    sightings: Sightings


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the API, as the composition root put them together."""

    ports: Ports
    crypto: Crypto
    """The one of `ports`, which makes links as well."""
    dht_node: BusDhtNode
    stores: Stores
    memory_key: Secret
    """32 bytes; seals those answers, which hold plaintexts."""
    clock: Clock
    entropy: Callable[[int], bytes]
    meters: Meters
    synchroniser: Synchroniser
    releaser: Releaser
    guards: Guards
    accounts: Accounts
    gate: Gate
    watchers: Watchers
    door: Door = field(default_factory=Door)

    @property
    def limits(self) -> Limits:
        """Bounds of what requests may take."""
        return self.guards.limits


SERVICE = web.AppKey("service", Service)
REQUEST_ID = web.RequestKey("request_id", str)
DEADLINE_MS = web.RequestKey("deadline_ms", int)
"""Wall clock; set when the request's head was read."""
CALLER = web.RequestKey("caller", Caller)
"""Who asks; set before anything is done for a request."""
SPENDING = web.RequestKey("spending", Spending)
"""What the request has cost so far."""


def service_of(request: web.Request) -> Service:
    """The service that answers `request`."""
    return request.app[SERVICE]


def context_of(request: web.Request) -> CallContext:
    """For whom, and until when, calls are made for `request`."""
    return CallContext(
        deadline_ms=request[DEADLINE_MS],
        tenant=request[CALLER].tenant,
        trace=request[REQUEST_ID],
        spending=request[SPENDING],
    )


def link_of(request: web.Request) -> str:
    """The handle in `Scout-Link`. Raises ScoutError: `invalid_request` without it, `bad_handle` for what is none."""
    handle = request.headers.get("Scout-Link")
    if handle is None:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected the header Scout-Link with the handle of a link.")
    if not handle.isascii() or not 0 < len(handle) <= MAX_HANDLE:
        raise ScoutError(ErrorCode.BAD_HANDLE, "Expected in Scout-Link the handle of a link as POST /v1/links gave it.")
    return handle


def last_event_id(request: web.Request) -> str | None:
    """The event after which a stream goes on; None: from now on."""
    return request.headers.get("Last-Event-ID") or None


async def body_of(request: web.Request, into: type[T]) -> T:
    """The JSON body. Raises ScoutError: `unsupported_media_type`, `body_too_large`, `invalid_request`."""
    if request.content_type != "application/json":
        raise ScoutError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"Expected Content-Type application/json, got {request.content_type}."
        )
    return decode_body(await request.read(), into)


def query_of(request: web.Request, into: type[T]) -> T:
    """The query's parameters. Raises ScoutError (`invalid_request`) for one that is unknown, wrong, or given twice."""
    if len(set(request.query)) < len(request.query):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "The query: expected each parameter once.")
    return convert_text(dict(request.query), into, "The query")


def no_query(request: web.Request) -> None:
    """Raise ScoutError (`invalid_request`) when there is a query where none belongs."""
    query_of(request, schemas.Nothing)


def path_of(request: web.Request, into: type[T]) -> T:
    """The variable parts of the path. Raises ScoutError (`invalid_request`)."""
    return convert_text(dict(request.match_info), into, "The path")


def count(meters: Meters, synced: Synced) -> Synced:
    """Count a write, and hand it on."""
    meters.sync_attempts.observe(synced.attempts)
    meters.sync_callers.observe(synced.callers)
    if synced.trace != trace_id.get():
        log.info("written together with another request", extra={"written_by": synced.trace})
    count_read(meters, synced.record)
    return synced


def count_read(meters: Meters, found: Record) -> None:
    """Count what was wrong with a record that was read."""
    meters.passed_over.inc(len(found.passed_over))
    meters.rollbacks.inc(found.rollback_suspected)
