"""`/console`: the operator's page. Static files, open to all; what they show comes from `/v1/fleet`, which is not."""

from __future__ import annotations

from aiohttp import web

from services.api import schemas
from services.api.endpoints import Endpoint, Page, Tag
from services.api.static_files import files_of
from shared.errors import ErrorCode, ScoutError

_FILES = files_of("console")


async def show(_request: web.Request) -> Page:
    """The page itself."""
    return _FILES["index.html"]


async def file(_request: web.Request, path: schemas.FilePath) -> Page:
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
