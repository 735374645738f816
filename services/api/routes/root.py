"""`/`: where to go from here."""

from __future__ import annotations

from aiohttp import web

from services.api import answers
from services.api.endpoints import Endpoint, Tag


async def show(_request: web.Request) -> answers.RootAnswer:
    """Name the service and its documentation."""
    return answers.RootAnswer(service="scout", api="/v1", documentation="/docs", openapi="/openapi.json")


ENDPOINTS = [
    Endpoint(
        "GET",
        "/",
        show,
        None,
        Tag.SERVICE,
        "Where to go from here",
        description="The service's name, and where its documentation is.",
    )
]
