"""Around every request, from outside in: its id, its measure and its log line; its errors as problems; its bounds.

Nothing that a caller sent is logged but the request id, whose form is checked: handles travel in headers, plaintexts
in bodies, hashes in paths.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.api.callers import caller_of
from services.api.endpoints import endpoint_of, is_open
from services.api.headers import preflighted
from services.api.idempotency import remembered
from services.api.keys import NOBODY, Caller, RejectedError, Rejection, check_scope
from services.api.meters import OK, UNMATCHED
from services.api.problems import from_aiohttp, problem
from services.api.service import CALLER, DEADLINE_MS, REQUEST_ID, SPENDING, Service, service_of
from shared.contracts.operation import Spending
from shared.errors import ErrorCode, ScoutError
from shared.logs import trace_id

log = logging.getLogger(__name__)

CODE = web.ResponseKey("code", str)
"""The error code that a response carries, for the measure and the log."""

RETRY_AFTER = 1.0

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUEST_ID_BYTES = 8
_TRACE_PARENT = re.compile(r"[0-9a-e][0-9a-f]-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""W3C Trace Context, "traceparent Header": version, trace id, parent id, flags."""


def all_middlewares() -> list[Middleware]:
    """The outermost first."""
    return [observed, errors_as_problems, preflighted, authorised, bounded, budgeted, remembered]


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id and a deadline; count, time and log it."""
    service = service_of(request)
    started = service.clock.monotonic()
    request[REQUEST_ID] = _request_id(request, service)
    request[DEADLINE_MS] = service.clock.utc_ms() + service.limits.deadline_ms
    request[CALLER], request[SPENDING] = NOBODY, Spending()
    token = trace_id.set(request[REQUEST_ID])
    try:
        response = await handler(request)
        response.headers["X-Request-Id"] = request[REQUEST_ID]
        route, code = route_of(request), response.get(CODE, OK)
        seconds = service.clock.monotonic() - started
        # how long a reader stayed is no measure of the service
        timed = code != OK or not _is_endless(request)
        service.meters.answered(route, code, response.status, seconds if timed else None)
        _log(request, service, response, seconds)
        return response
    finally:
        trace_id.reset(token)


@web.middleware
async def errors_as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into problem details; what nobody meant to raise is logged and told nobody."""
    try:
        return await handler(request)
    except ScoutError as error:
        return _rendered(request, error)
    except web.HTTPException as error:
        refused = from_aiohttp(error, service_of(request).limits.max_body)
        if refused is None:
            raise
        response = _rendered(request, refused)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except (ConnectionError, web.RequestPayloadError):
        return _rendered(request, ScoutError(ErrorCode.INVALID_REQUEST, "The request's body ended too early."))
    except Exception:
        log.exception("a defect in handling a request", extra={"route": route_of(request)})
        return _rendered(request, ScoutError(ErrorCode.INTERNAL, "see the log"))


@web.middleware
async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is calling, and whether they may; before a byte of the body is looked at."""
    service, endpoint = service_of(request), endpoint_of(request)
    if not is_open(request):
        try:
            # without a key not even a wrong path is told from a right one: a refusal is all that strangers get
            request[CALLER] = _caller(request, service)
            if endpoint is not None and endpoint.scope is not None:
                check_scope(request[CALLER], endpoint.scope)
        except RejectedError as rejected:
            service.meters.guard.rejections.labels(rejected.reason).inc()
            if rejected.reason is not Rejection.SCOPE and not await service.gate.turn():
                _drop(request, service)
            raise
    return await handler(request)


@web.middleware
async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is too much, and end what takes too long: a body that trickles in, too."""
    service = service_of(request)
    limits = service.limits
    if service.door.inside >= limits.max_in_flight:
        raise ScoutError(
            ErrorCode.OVERLOADED, f"{limits.max_in_flight} requests are being worked on.", retry_after=RETRY_AFTER
        )
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise ScoutError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Expected a body without Content-Encoding.")
    if (request.content_length or 0) > limits.max_body:
        raise web.HTTPRequestEntityTooLarge(limits.max_body)
    if _is_endless(request):
        return await handler(request)
    try:
        with service.meters.in_flight.track_inprogress(), service.door.entered():
            async with asyncio.timeout(limits.deadline_ms / 1000):
                return await handler(request)
    except TimeoutError:
        raise ScoutError(
            ErrorCode.DEADLINE_EXCEEDED, f"No answer within {limits.deadline_ms} ms; a write may still happen."
        ) from None


@web.middleware
async def budgeted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Charge the caller what the request costs in DHT packets, or refuse it when the budget is spent."""
    endpoint, spending, accounts = endpoint_of(request), request[SPENDING], service_of(request).accounts
    if endpoint is None or not endpoint.packets:
        return await handler(request)
    account = await accounts.open(request[CALLER], endpoint)
    complete = True
    try:
        return await handler(request)
    except asyncio.CancelledError:
        complete = False
        raise
    finally:
        # the answer is there; that the books can't be kept while Redis is away must not take it back
        with contextlib.suppress(ScoutError):
            await accounts.settle(account, spending.packets, complete=complete)


def _is_endless(request: web.Request) -> bool:
    endpoint = endpoint_of(request)
    return endpoint is not None and endpoint.is_endless


def route_of(request: web.Request) -> str:
    """Method and template of the route; never the path, which is the caller's text."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else f"{request.method} {resource.canonical}"


def _caller(request: web.Request, service: Service) -> Caller:
    """Who sends the request. Raises RejectedError."""
    return service.guards.keys.caller(request.headers.getall("Authorization", ()), service.clock.utc_ms())


def _drop(request: web.Request, service: Service) -> None:
    """Close the connection: there are too many who wait to be refused."""
    service.meters.guard.dropped.inc()
    if request.transport is not None:
        request.transport.abort()


def _log(request: web.Request, service: Service, response: web.StreamResponse, seconds: float) -> None:
    """One line for a request; of many refusals in a row only some have one."""
    code, caller = response.get(CODE, OK), request[CALLER]
    unlogged = service.gate.line() if code == ErrorCode.UNAUTHORIZED else 0
    if unlogged is None:
        return
    fields = {"route": route_of(request), "status": response.status, "code": code, "ms": round(seconds * 1000, 3)}
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        fields["bytes"] = len(response.body)
    if caller.key:
        fields |= {"tenant": caller.tenant, "key": caller.key}
    if request[SPENDING].packets:
        fields["packets"] = request[SPENDING].packets
    if service.guards.log_addresses:
        fields["address"] = str(caller_of(request, service.limits.trusted_proxies) or "")
    if unlogged:
        fields["unlogged"] = unlogged
    log.info("request", extra=fields)


def _rendered(request: web.Request, error: ScoutError) -> web.Response:
    response = problem(error, request[REQUEST_ID])
    response[CODE] = error.code.value
    return response


def _request_id(request: web.Request, service: Service) -> str:
    """The caller's X-Request-Id when it has a harmless form, or else his trace's id, or else a new one."""
    given = request.headers.get("X-Request-Id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    parent = _TRACE_PARENT.fullmatch(request.headers.get("traceparent", ""))
    return parent[1] if parent else service.entropy(_REQUEST_ID_BYTES).hex()
