"""The OpenAPI 3.1 document of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.api.answers import Problem
from services.api.attribute_docs import attribute_docs
from services.api.endpoints import Endpoint, Tag
from services.api.openapi.components import schemas_of
from services.api.openapi.operations import HEADERS, OK, PARAMETERS, SECURITY, codes_table, operation, scopes_table

OPENAPI = "3.1.1"

_ABOUT = """\
Devices that share a secret find each other, and leave each other messages, through the BitTorrent DHT.

JSON in, JSON out. Contents are base64url without padding, keys and hashes lower-case hex. Unknown fields, unknown query
parameters and repeated ones are refused. Errors are `application/problem+json` (RFC 9457) with a stable `code`."""

_FROM_LINK = ("links_create_link", "header.Scout-Link", "$response.body#/link")
_FROM_ITEM = ("items_store", "path.hash", "$response.body#/hash")


def document(endpoints: Iterable[Endpoint], version: str, *, secured: bool = False) -> dict[str, Any]:
    """The document of those endpoints that are part of the API; `secured` where callers need keys."""
    listed = [endpoint for endpoint in endpoints if endpoint.listed]
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in listed:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint, secured=secured)
    _lead_on(listed, paths)
    meanings, used = attribute_docs(Tag), {endpoint.tag for endpoint in listed}
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Scout",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document comes from."}],
        "tags": [{"name": tag.value, "description": meanings[tag.name]} for tag in Tag if tag in used],
        "paths": paths,
        "components": {
            "schemas": schemas_of([Problem, *_types(listed)]),
            "parameters": {name: {"name": name, "in": "header", **said} for name, said in PARAMETERS.items()},
            "headers": HEADERS,
            "securitySchemes": {
                SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key, as `scout apikey new` made it: `Authorization: Bearer …`. "
                    "A service without keys answers on loopback only, and needs none.",
                }
            },
        },
        "x-scopes": scopes_table(),
        "x-codes": codes_table(),
    }


def _types(endpoints: Iterable[Endpoint]) -> list[type[Any]]:
    """The types that make components, each once: bodies and answers."""
    found = [part for endpoint in endpoints for part in (endpoint.takes.get("body"), endpoint.answer)]
    return list(dict.fromkeys(part for part in found if part is not None))


def _lead_on(endpoints: Iterable[Endpoint], paths: dict[str, dict[str, Any]]) -> None:
    """Say which answers other endpoints can be called with."""
    by_name = {endpoint.name: endpoint for endpoint in endpoints}
    for endpoint in by_name.values():
        wants = [(_FROM_LINK, "link" in endpoint.takes), (_FROM_ITEM, endpoint.name == "items_read")]
        for (source, parameter, value), wanted in wants:
            if wanted and source in by_name:
                start = by_name[source]
                answer = paths[start.path][start.method.lower()]["responses"][OK]
                lead = {"operationId": endpoint.name, "parameters": {parameter: value}}
                answer.setdefault("links", {})[endpoint.name] = lead
