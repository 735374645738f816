"""An endpoint as OpenAPI says it: what it takes, what it answers, and every way in which it may refuse."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from services.api.answers import Problem
from services.api.attribute_docs import attribute_docs
from services.api.endpoints import JSON, Endpoint
from services.api.idempotency import WRITES
from services.api.openapi.components import REF, example_of, parameters_of
from services.api.openapi.examples import EXAMPLES
from services.api.problems import CONTENT_TYPE, STATUS, TITLES
from services.api.scopes import Scope
from shared.errors import ErrorCode

SECURITY = "apiKey"
"""Name of the scheme: a key as a bearer token."""

OK, NOT_MODIFIED = "200", "304"

_TAG = '(W/)?"[^"\\s]{1,64}"'
_TAGS = {"type": "string", "pattern": f"^(\\*|{_TAG}(, ?{_TAG}){{0,15}})$"}
_TEXT = {"type": "string"}

PARAMETERS: dict[str, dict[str, Any]] = {
    "Scout-Link": {
        "required": True,
        "description": "The handle of a link, as `POST /v1/links` gave it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,512}$"},
    },
    "If-Match": {
        "description": "Write only on this very state: an earlier answer's `ETag`, or `*` for any record that exists.",
        "schema": _TAGS,
        "example": '"17"',
    },
    "If-None-Match": {
        "description": "The `ETag` of an earlier answer: `304` when nothing changed since.",
        "schema": _TAGS,
        "example": '"17"',
    },
    "Last-Event-ID": {
        "description": "The `id` of the last event that was received, to go on behind it. Without it: from now on.",
        "schema": {"type": "string", "pattern": "^[0-9a-f~.-]{1,4096}$"},
    },
    "Idempotency-Key": {
        "description": "For a day the same request with the same key gets the first one's answer, "
        "and nothing happens again.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "example": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    },
    "X-Request-Id": {
        "description": "Names the request in the answer and in the logs of all services. 1 to 64 letters, digits, `.`, "
        "`_` or `-`; anything else is replaced. Without it the trace id of a W3C `traceparent` serves.",
        "schema": _TEXT,
    },
}
"""Headers that requests may carry."""

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "required": True,
        "description": "As it was sent, or a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "ETag": {
        "required": True,
        "description": "The state that the answer shows, for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string", "pattern": '^"[^"\\s]{1,64}"$'},
    },
    "Retry-After": {
        "required": True,
        "description": "Seconds after which the same call may succeed.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"required": True, "description": "What to authenticate with.", "schema": _TEXT},
}
"""Headers that answers may carry."""

_HEADERS_OF_STATUS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


def operation(endpoint: Endpoint, *, secured: bool) -> dict[str, Any]:
    """One endpoint; `secured` where callers need keys."""
    made: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag.value],
        "summary": endpoint.summary,
        "description": _description(endpoint),
        "parameters": [*_in_url(endpoint, "path"), *_in_url(endpoint, "query"), *map(_in_header, _headers(endpoint))],
        "responses": {**_answers(endpoint), **_refusals(endpoint.codes)},
        "security": [{SECURITY: [endpoint.scope.value]}] if secured and endpoint.scope else [],
    }
    if body := endpoint.takes.get("body"):
        made["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _ref(body), "example": example_of(body)}},
        }
    if endpoint.scope is not None:
        made["x-scope"] = endpoint.scope.value
    return made


def _description(endpoint: Endpoint) -> str:
    scope = "No key is needed." if endpoint.scope is None else f"Scope: `{endpoint.scope.value}`."
    return f"{endpoint.description}\n\n{scope}".strip()


def _in_url(endpoint: Endpoint, place: str) -> list[dict[str, Any]]:
    into = endpoint.takes.get(place)
    if into is None:
        return []
    examples = example_of(into) if into in EXAMPLES else {}
    return [
        {
            "name": name,
            "in": place,
            "required": required,
            "description": schema.pop("description"),
            "schema": schema,
            **({"example": examples[name]} if name in examples else {}),
        }
        for name, (schema, required) in parameters_of(into).items()
    ]


def _headers(endpoint: Endpoint) -> Iterable[str]:
    if "link" in endpoint.takes:
        yield "Scout-Link"
    if "condition" in endpoint.takes:
        yield "If-Match"
    if _is_conditional(endpoint):
        yield "If-None-Match"
    if "after" in endpoint.takes:
        yield "Last-Event-ID"
    if endpoint.method in WRITES:
        yield "Idempotency-Key"
    yield "X-Request-Id"


def _is_conditional(endpoint: Endpoint) -> bool:
    return endpoint.is_tagged and endpoint.method == "GET"


def _in_header(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}


def _answers(endpoint: Endpoint) -> dict[str, Any]:
    tagged = ["ETag"] if endpoint.is_tagged else []
    content: dict[str, Any] = {"schema": {"type": "object"} if endpoint.media == JSON else _TEXT}
    if endpoint.answer is not None:
        content = {"schema": _ref(endpoint.answer)}
        if endpoint.answer in EXAMPLES:
            content["example"] = example_of(endpoint.answer)
    described = "The answer." if endpoint.answer is None else (endpoint.answer.__doc__ or "").strip()
    made = {OK: {"description": described, "headers": _carried(tagged), "content": {endpoint.media: content}}}
    if _is_conditional(endpoint):
        made[NOT_MODIFIED] = {"description": "Nothing changed since.", "headers": _carried(tagged)}
    return made


def _refusals(codes: Iterable[ErrorCode]) -> dict[str, Any]:
    """Status -> its response, with the closed set of codes that may come with it."""
    made = {}
    for status, group in groupby(sorted(codes, key=lambda code: (STATUS[code], code)), key=STATUS.__getitem__):
        possible, meanings = list(group), attribute_docs(ErrorCode)
        schema = {"properties": {"status": {"const": status}, "code": {"enum": [code.value for code in possible]}}}
        made[str(status)] = {
            "description": "\n".join(f"- `{code.value}`: {meanings[code.name]}" for code in possible),
            "headers": _carried(_HEADERS_OF_STATUS.get(status, [])),
            "content": {CONTENT_TYPE: {"schema": {"allOf": [_ref(Problem), schema]}}},
        }
    return made


def _carried(headers: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in [*headers, "X-Request-Id"]}


def _ref(cls: type[Any]) -> dict[str, str]:
    return {"$ref": REF.format(name=cls.__name__)}


def codes_table() -> list[dict[str, Any]]:
    """Every code there is: status, code, title and meaning, in the order of the statuses."""
    meanings = attribute_docs(ErrorCode)
    return [
        {"status": status, "code": code.value, "title": TITLES[code], "meaning": meanings[code.name]}
        for code, status in sorted(STATUS.items(), key=lambda item: (item[1], item[0]))
    ]


def scopes_table() -> list[dict[str, str]]:
    """Every scope and what it opens."""
    meanings = attribute_docs(Scope)
    return [{"scope": scope.value, "meaning": meanings[scope.name]} for scope in Scope]
