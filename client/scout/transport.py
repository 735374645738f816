"""One HTTP call, its errors, and when it is made again.

A call is repeated only when that can't do anything twice: it was never sent, it was refused at the door, it only reads,
it has the same effect however often it is made, or it carries an `Idempotency-Key`. Between attempts the wait doubles,
with jitter, and is never shorter than the service's `Retry-After`; all attempts together stay within one timeout.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec

from scout.errors import BudgetSpent, ClientError, ScopeMissing, ScoutApiError, Unauthorized, Unreachable
from shared.clock import Clock, SystemClock
from shared.errors import ErrorCode
from shared.json_bytes import MalformedJsonError, decode_json, encode_json

T = TypeVar("T")

TRANSIENT = frozenset({429, 502, 503, 504})
"""HTTP statuses after which the same call may succeed."""

NOTHING_DONE = 429
"""The HTTP status of a call that was refused at the door: making it again can't do anything twice."""

_BY_CODE: Mapping[str, type[ScoutApiError]] = {
    ErrorCode.UNAUTHORIZED: Unauthorized,
    ErrorCode.FORBIDDEN_SCOPE: ScopeMissing,
    ErrorCode.BUDGET_SPENT: BudgetSpent,
}
"""Problems that callers treat as cases of their own."""

_PROBLEM_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "instance"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is made again; delays in seconds."""

    attempts: int = 4
    first_delay: float = 0.2
    longest_delay: float = 5.0

    def delay(self, attempt: int, dice: float, retry_after: float | None) -> float:
        """The wait after failed attempt number `attempt` (from 0); `dice` in 0 … 1 spreads callers apart."""
        backoff = min(self.longest_delay, self.first_delay * 2.0**attempt)
        return max(backoff * (0.5 + dice / 2), retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a client takes from the machine it runs on; tests bring their own."""

    clock: Clock = field(default_factory=SystemClock)
    entropy: Callable[[int], bytes] = os.urandom
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the service. `repeatable`: making it twice has the effect of making it once.

    Bodies hold secrets and headers hold handles: neither shows in the repr.
    """

    method: str
    path: str
    body: Any = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: the HTTP status, the body as it came, and the ETag (`""` when there is none)."""

    status: int
    body: bytes = field(repr=False)
    etag: str = ""


class Transport:
    """Makes calls to one service; it owns neither the session nor its closing."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        timeout: float,
        retry: RetryPolicy,
        surroundings: Surroundings,
    ) -> None:
        """Speak to the service at `url`; `timeout` in seconds bounds a call with all its attempts."""
        self._session = session
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._retry = retry
        self._surroundings = surroundings

    @property
    def retry(self) -> RetryPolicy:
        """How often and how patiently calls are made again."""
        return self._retry

    async def perform(self, call: Call) -> Answer:
        """Make the call, again if that is safe and useful. Raises ScoutApiError or Unreachable."""
        deadline = self._now() + self._timeout
        attempt = 0
        while True:
            try:
                return await self._once(call, deadline - self._now())
            except ClientError as error:
                delay = self._wait_before_next(call, error, attempt)
                if delay is None or self._now() + delay >= deadline:
                    raise
            await self._surroundings.sleep(delay)
            attempt += 1

    async def fetch(self, call: Call, type_: type[T]) -> T:
        """Make the call and read its answer as `type_`. Raises ScoutApiError or Unreachable."""
        return decode_answer(await self.perform(call), type_)

    def random_id(self) -> str:
        """An id that nobody else will draw: 128 bits as hex."""
        return self._surroundings.entropy(16).hex()

    async def pause(self, attempt: int) -> None:
        """Wait as after failed attempt number `attempt`, for retries that are made above a single call."""
        await self._surroundings.sleep(self._retry.delay(attempt, self._dice(), None))

    def _now(self) -> float:
        return self._surroundings.clock.monotonic()

    def _dice(self) -> float:
        return int.from_bytes(self._surroundings.entropy(4), "big") / 2**32

    def _wait_before_next(self, call: Call, error: ClientError, attempt: int) -> float | None:
        if attempt + 1 >= self._retry.attempts or not _may_repeat(call, error):
            return None
        retry_after = error.retry_after if isinstance(error, ScoutApiError) else None
        return self._retry.delay(attempt, self._dice(), retry_after)

    @asynccontextmanager
    async def stream(self, call: Call, silence: float) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of an answer that goes on, as it comes; one of `silence` seconds is an end.

        Raises ScoutApiError or Unreachable, also while it is read.
        """
        bounds = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=silence)
        async with self._sent(call, bounds) as response:
            if response.status != HTTPStatus.OK:
                raise _problem(response.status, await response.read(), response.headers.get("Retry-After"))
            yield response.content

    async def _once(self, call: Call, seconds: float) -> Answer:
        async with self._sent(call, aiohttp.ClientTimeout(total=max(seconds, 0.001))) as response:
            return _answer(response, await response.read())

    @asynccontextmanager
    async def _sent(self, call: Call, bounds: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to the call, whose body is still to be read. Raises Unreachable."""
        headers = dict(call.headers)
        data = None
        if call.body is not None:
            data = encode_json(call.body)
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                call.method,
                self._url + call.path,
                params=call.params,
                headers=headers,
                data=data,
                timeout=bounds,
                # a redirect would carry handles to an address that nobody chose
                allow_redirects=False,
            ) as response:
                yield response
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(self._url, _reason(error), sent=False) from error
        except TimeoutError as error:
            raise Unreachable(self._url, f"no answer within {self._timeout:g} s", sent=True) from error
        except aiohttp.InvalidURL as error:
            raise Unreachable(self._url, "expected an address like http://127.0.0.1:8080", sent=False) from error
        except aiohttp.ClientError as error:
            raise Unreachable(self._url, _reason(error), sent=True) from error


def decode_answer(answer: Answer, type_: type[T]) -> T:
    """An answer's body as `type_`; ScoutApiError `unexpected_answer` when something else speaks at that address."""
    try:
        return decode_json(answer.body, type_)
    except MalformedJsonError as error:
        raise ScoutApiError("unexpected_answer", f"expected a Scout service: {error}", status=answer.status) from error


def _may_repeat(call: Call, error: ClientError) -> bool:
    if isinstance(error, Unreachable):
        return call.repeatable or not error.sent
    if not isinstance(error, ScoutApiError) or error.status not in TRANSIENT:
        return False
    return call.repeatable or error.status == NOTHING_DONE


def _reason(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect ({error.os_error.strerror or error.os_error})"
    return str(error) or type(error).__name__


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    """Tell success (2xx, and 304) from problems. Raises ScoutApiError."""
    if response.status < 300 or response.status == 304:  # noqa: PLR2004  # RFC 9110, section 15
        return Answer(response.status, body, response.headers.get("ETag", ""))
    raise _problem(response.status, body, response.headers.get("Retry-After"))


def _problem(status: int, body: bytes, retry_after: str | None) -> ScoutApiError:
    """The error that a body of problem details says; an error page of something in between becomes `http_<status>`."""
    try:
        members = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        members = {}
    code = members.get("code")
    code = code if isinstance(code, str) else f"http_{status}"
    detail = members.get("detail")
    return _BY_CODE.get(code, ScoutApiError)(
        code,
        detail if isinstance(detail, str) else f"the service answered with HTTP status {status}",
        status=status,
        facts=_facts(members),
        retry_after=_seconds(retry_after),
    )


def _facts(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in _PROBLEM_MEMBERS}


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds; a date (RFC 9110, section 10.2.3) is taken as not said."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
