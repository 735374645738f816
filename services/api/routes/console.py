"""`/console`: the operator's page. Static files, open to all; what they show comes from `/v1/fleet`, which is not."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath

from aiohttp import web

from services.api import schemas
from services.api.endpoints import Endpoint, Page, Tag
from services.api.headers import PAGE
from shared.errors import ErrorCode, ScoutError

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _read_files() -> dict[str, Page]:
    folder = files("services.api").joinpath("console")
    return {
        entry.name: Page(entry.read_bytes(), {**PAGE, "Content-Type": _TYPES[PurePath(entry.name).suffix]})
        for entry in folder.iterdir()
        if PurePath(entry.name).suffix in _TYPES
    }


_FILES = _read_files()
"""All that is served, by name: no name that somebody sends ever reaches a file system."""


async def show(_request: web.Request) -> Page:
    """The page itself."""
    return _FILES["index.html"]


async def file(_request: web.Request, path: schemas.ConsolePath) -> Page:
    """What the page consists of."""
    if path.name not in _FILES:
        raise ScoutError(ErrorCode.NOT_FOUND, "Expected a file of the console.")
    return _FILES[path.name]


ENDPOINTS = [
    Endpoint(
        "GET",
        "/console",
        show,
        None,
        Tag.SERVICE,
        "The operator's page",
        description="Shows `/v1/fleet`, live; it asks for a key with the scope `admin` where keys are wanted.",
        media="text/html",
    ),
    Endpoint("GET", "/console/{name}", file, None, Tag.SERVICE, "What the operator's page consists of", listed=False),
]
