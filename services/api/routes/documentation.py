"""`/openapi.json` and `/docs`: what the API is, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from services.api import schemas
from services.api.docs.page import page
from services.api.endpoints import Endpoint, Page, Tag
from services.api.headers import PAGE
from services.api.openapi.document import document
from services.api.static_files import TYPES, files_of
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import encode_json

_FILES = files_of("docs")


@dataclass(frozen=True, slots=True)
class Documentation:
    """What is made once, at the start."""

    openapi: Page
    page: Page


DOCUMENTATION = web.AppKey("documentation", Documentation)


def documentation_of(endpoints: Iterable[Endpoint], version: str, *, secured: bool) -> Documentation:
    """The documentation of `endpoints`; `secured` where callers need keys."""
    made = document(endpoints, version, secured=secured)
    html = Page(page(made).encode(), {**PAGE, "Content-Type": TYPES[".html"]})
    return Documentation(Page(encode_json(made)), html)


async def openapi(request: web.Request) -> Page:
    """The OpenAPI document."""
    return request.app[DOCUMENTATION].openapi


async def show(request: web.Request) -> Page:
    """The page."""
    return request.app[DOCUMENTATION].page


async def file(_request: web.Request, path: schemas.FilePath) -> Page:
    """What the page consists of."""
    if path.name not in _FILES:
        raise ScoutError(ErrorCode.NOT_FOUND, "Expected a file of the documentation.")
    return _FILES[path.name]


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
    Endpoint(
        "GET",
        "/docs",
        show,
        None,
        Tag.SERVICE,
        "This API for people",
        description="The page that you may be reading, made of that document.",
        media="text/html",
    ),
    Endpoint("GET", "/docs/{name}", file, None, Tag.SERVICE, "What that page consists of", listed=False),
]
