"""`/openapi.json` and `/docs`: what the API is, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from services.api.endpoints import Endpoint, Page, Tag
from services.api.openapi.document import document
from shared.json_bytes import encode_json


@dataclass(frozen=True, slots=True)
class Documentation:
    """What is made once, at the start."""

    openapi: Page


DOCUMENTATION = web.AppKey("documentation", Documentation)


def documentation_of(endpoints: Iterable[Endpoint], version: str, *, secured: bool) -> Documentation:
    """The documentation of `endpoints`; `secured` where callers need keys."""
    return Documentation(openapi=Page(encode_json(document(endpoints, version, secured=secured))))


async def openapi(request: web.Request) -> Page:
    """The OpenAPI document."""
    return request.app[DOCUMENTATION].openapi


ENDPOINTS = [
    Endpoint(
        "GET",
        "/openapi.json",
        openapi,
        None,
        Tag.SERVICE,
        "This API for programs",
        description="The OpenAPI 3.1 document, made of the same types that validate.",
    ),
]
