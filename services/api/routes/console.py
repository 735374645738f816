"""`/console`: the operator's page. Static files, open to all; what they show comes from `/v1/fleet`, which is not."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from aiohttp import web

from services.api import schemas
from services.api.endpoints import Endpoint, Tag
from shared.errors import ErrorCode, ScoutError

PAGE = "index.html"

_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}

_HEADERS = {
    # nothing from elsewhere, nothing inline, no frame around it: what a name could smuggle in has nowhere to run
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # asked for again each time, answered with 304: a page is never of another version than its API
    "Cache-Control": "no-cache",
}


def _read_files() -> dict[str, bytes]:
    folder = files("services.api").joinpath("console")
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(tuple(_TYPES))}


_FILES = _read_files()
"""All that is served, by name: no name that somebody sends ever reaches a file system."""


async def page(request: web.Request) -> web.Response:
    """The page itself."""
    return _served(request, PAGE)


async def file(request: web.Request, path: schemas.ConsolePath) -> web.Response:
    """What the page consists of."""
    if path.name not in _FILES:
        raise ScoutError(ErrorCode.NOT_FOUND, "Expected a file of the console.")
    return _served(request, path.name)


def _served(request: web.Request, name: str) -> web.Response:
    body = _FILES[name]
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=web.HTTPNotModified.status_code, headers=headers)
    kind = _TYPES[f".{name.rpartition('.')[2]}"]
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


ENDPOINTS = [
    Endpoint("GET", "/console", page, None, Tag.SERVICE, "The operator's page", media="text/html"),
    Endpoint("GET", "/console/{name}", file, None, Tag.SERVICE, "What the operator's page consists of", listed=False),
]
