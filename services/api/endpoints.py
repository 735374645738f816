"""The endpoint table: what each endpoint is, takes, answers and refuses, declared once.

A handler's signature *is* its declaration. Its parameters are read from the request by their names and annotations
before it is called, its return annotation is what it answers; the OpenAPI document and the docs page are made of the
same. So a handler can't validate, or answer, anything else than what is documented.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from aiohttp import web

from services.api.answers import Answered
from services.api.conditions import if_match, is_known
from services.api.idempotency import WRITES
from services.api.scopes import Scope
from services.api.service import body_of, last_event_id, link_of, no_query, path_of, query_of
from shared.errors import ErrorCode
from shared.json_bytes import encode_json

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
"""Server-sent events (HTML, "Server-sent events"): an answer that goes on for as long as its reader stays."""

T = TypeVar("T", bound=Answered)

_TAG_SIZE = 12

_READERS: Mapping[str, Callable[[web.Request, Any], Any]] = {
    "link": lambda request, _: link_of(request),
    "condition": lambda request, _: if_match(request),
    "after": lambda request, _: last_event_id(request),
    "path": path_of,
    "query": query_of,
}
"""How each parameter that a handler may have is read, but for `body`, which takes waiting."""

_ALWAYS = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.INTERNAL,
    ErrorCode.OVERLOADED,
    ErrorCode.DEADLINE_EXCEEDED,
)
"""What the bounds around every request may refuse."""


class Tag(StrEnum):
    """What an endpoint is about: the chapters of the documentation, in their order."""

    HANDLES = "Handles"
    """Keys and links, wrapped for whoever made them to keep: the cluster stores nothing of them."""
    RECORDS = "Where are my peers"
    """The record that those who share a link can read and write: which devices there are, and where."""
    MESSAGES = "Messages"
    """For those who are away."""
    EVENTS = "Watching"
    """For those who want to know at once: changes as they come, with one look at the DHT for all who watch."""
    MUTABLE = "Signed items"
    """For those who keep their keys to themselves: values that they signed, stored, kept and found for them."""
    ITEMS = "Items"
    """Immutable byte strings, for anybody who knows their hash."""
    PEERS = "Peers"
    """Who takes part in a torrent: the DHT's first use, through the same nodes."""
    DHT = "The DHT"
    """The DHT as one of our nodes sees it, for those who look after a service."""
    SERVICE = "The service"
    """The service itself, and what it says of itself."""


@dataclass(frozen=True, slots=True)
class Tagged(Generic[T]):
    """An answer that shows the state of a record."""

    body: T
    tag: str
    """Of that state, for the `ETag`."""
    age_ms: int | None = None
    """Since it was so, where that was not just now."""


@dataclass(frozen=True)
class Page:
    """An answer that is the same for everybody until the next start: a page, and what belongs to it."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def tag(self) -> str:
        """Of its content, for the `ETag`."""
        return hashlib.blake2b(self.body, digest_size=_TAG_SIZE).hexdigest()


Handler = Callable[..., Awaitable[web.StreamResponse | Answered | Tagged[Any] | Page]]
"""Takes the request, and of `link`, `condition`, `after`, `path`, `query` and `body` what it asks for by name."""


@dataclass(frozen=True)
class Endpoint:
    """One method on one path."""

    method: str
    path: str
    """With its variable parts in braces."""
    handler: Handler
    scope: Scope | None
    """What a key must be allowed to do; None: no key is needed."""
    tag: Tag
    summary: str
    """A few words, as a heading."""
    errors: Sequence[ErrorCode] = ()
    """What it may refuse beyond what `codes` adds by what it takes."""
    description: str = ""
    """What the summary leaves open, in sentences."""
    media: str = JSON
    """Of its answer."""
    packets: int = field(default=0, kw_only=True)
    """DHT packets that its first call is taken to cost; later ones, what earlier ones did. 0: it sends none."""
    listed: bool = field(default=True, kw_only=True)
    """False for what only belongs to a page, such as its style sheet: no part of the API."""

    def __post_init__(self) -> None:
        """Raise TypeError for a handler that asks for what nobody could give it."""
        asked = list(inspect.signature(self.handler).parameters)[1:]
        if unknown := set(asked) - set(_READERS) - {"body"}:
            raise TypeError(f"{self.name}: expected parameters of {[*_READERS, 'body']}, got {sorted(unknown)}")

    @property
    def name(self) -> str:
        """A name for programs: the handler's module and its own."""
        return f"{self.handler.__module__.rpartition('.')[2]}_{self.handler.__name__}"

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.method, self.path

    @cached_property
    def takes(self) -> Mapping[str, type[Any]]:
        """What it reads from a request, with the types: some of `_READERS`, and `body`."""
        hints = get_type_hints(self.handler)
        return {name: hints[name] for name in list(inspect.signature(self.handler).parameters)[1:]}

    @cached_property
    def answer(self) -> type[Answered] | None:
        """What its answer is made of; None for a page or a stream, of which `media` says all there is to say."""
        answered = get_type_hints(self.handler)["return"]
        if get_origin(answered) is Tagged:
            (answered,) = get_args(answered)
        return answered if issubclass(answered, Answered) else None

    @property
    def is_endless(self) -> bool:
        """Whether its answer has no end of its own."""
        return self.media == EVENT_STREAM

    @cached_property
    def is_tagged(self) -> bool:
        """Whether its answers carry an `ETag`."""
        answered = get_type_hints(self.handler)["return"]
        return answered is Page or get_origin(answered) is Tagged

    @cached_property
    def codes(self) -> frozenset[ErrorCode]:
        """Every code that it may refuse with."""
        codes = {*_ALWAYS, *self.errors}
        if self.scope is not None:
            codes |= {ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN_SCOPE}
        if self.packets:
            codes |= {ErrorCode.BUDGET_SPENT, ErrorCode.BUS_UNAVAILABLE}
        if "path" in self.takes:
            codes.add(ErrorCode.NOT_FOUND)  # a part of the path that no route takes
        if "link" in self.takes:
            codes |= {ErrorCode.BAD_HANDLE, ErrorCode.BUS_UNAVAILABLE}
        if "condition" in self.takes:
            codes.add(ErrorCode.PRECONDITION_FAILED)
        if self.method in WRITES:
            codes |= {ErrorCode.IDEMPOTENCY_KEY_REUSED, ErrorCode.BUS_UNAVAILABLE}
        return frozenset(codes)

    def route(self) -> web.RouteDef:
        """The endpoint as aiohttp's router wants it."""
        only_get = {"allow_head": False} if self.method == "GET" else {}
        return web.route(self.method, self.path, self.dispatch, **only_get)

    async def dispatch(self, request: web.Request) -> web.StreamResponse:
        """Read what the handler takes, call it, and render what it answers. Raises ScoutError."""
        arguments = {name: read(request, self.takes[name]) for name, read in _READERS.items() if name in self.takes}
        if "query" not in self.takes:
            no_query(request)
        if "body" in self.takes:
            arguments["body"] = await body_of(request, self.takes["body"])
        answered = await self.handler(request, **arguments)
        if isinstance(answered, web.StreamResponse):
            return answered
        if isinstance(answered, Answered):
            return web.Response(body=encode_json(answered), content_type=JSON)
        return self._conditional(request, answered)

    def _conditional(self, request: web.Request, answered: Tagged[Any] | Page) -> web.Response:
        """An answer with an ETag; without its body for those who have that state already."""
        headers = {"ETag": f'"{answered.tag}"'}
        if isinstance(answered, Tagged) and answered.age_ms is not None:
            headers["Age"] = str(answered.age_ms // 1000)
        if isinstance(answered, Page):
            headers |= {"Cache-Control": "no-cache", **answered.headers}
        if request.method == "GET" and is_known(request, answered.tag):
            return web.Response(status=web.HTTPNotModified.status_code, headers=headers)
        if isinstance(answered, Page):
            return web.Response(body=answered.body, headers={"Content-Type": self.media, **headers})
        return web.Response(body=encode_json(answered.body), content_type=JSON, headers=headers)


ENDPOINTS = web.AppKey("endpoints", dict[tuple[str, str], Endpoint])
"""Every endpoint of an application, by its `key`."""


def endpoint_of(request: web.Request) -> Endpoint | None:
    """The endpoint that answers `request`; None where there is none."""
    resource = request.match_info.route.resource
    return None if resource is None else request.app[ENDPOINTS].get((request.method, resource.canonical))


def is_open(request: web.Request) -> bool:
    """Whether no key is asked for: an endpoint without a scope, or another method on the path of one."""
    refused = request.match_info.http_exception
    if isinstance(refused, web.HTTPMethodNotAllowed):
        on_path = [request.app[ENDPOINTS].get((method, request.path)) for method in refused.allowed_methods]
    else:
        on_path = [endpoint_of(request)]
    return any(endpoint is not None and endpoint.scope is None for endpoint in on_path)
