"""`/v1/fleet`: every process of the cluster, for those who look after it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.api import answers, fleet, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import service_of
from shared.errors import ErrorCode


async def show(request: web.Request) -> answers.FleetAnswer:
    """Every process that reported itself within the hour, and all that is wrong."""
    service = service_of(request)
    members, dead_letters = await asyncio.gather(service.stores.fleet.members(), service.stores.dead_letters.counts())
    return fleet.fleet_of(members, dead_letters, service.clock.utc_ms())


async def dead_letters(request: web.Request, query: schemas.DeadLettersQuery) -> answers.DeadLettersAnswer:
    """The requests that were given up last."""
    letters = await service_of(request).stores.dead_letters.latest(query.limit)
    return answers.DeadLettersAnswer(letters=[fleet.dead_letter_of(letter) for letter in letters])


ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/fleet",
        show,
        Scope.ADMIN,
        Tag.SERVICE,
        "How the fleet is",
        (ErrorCode.BUS_UNAVAILABLE,),
        "Every process reports itself every two seconds; one that has been silent for seven is dead, and is shown for "
        "an hour. Figures are those of its /metrics.",
    ),
    Endpoint(
        "GET",
        "/v1/fleet/dead-letters",
        dead_letters,
        Scope.ADMIN,
        Tag.SERVICE,
        "The requests that were given up last",
        (ErrorCode.BUS_UNAVAILABLE,),
        "What each was and why it was given up, never what was in it.",
    ),
]
