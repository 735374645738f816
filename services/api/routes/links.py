"""`/v1/keys` and `/v1/links`: handles."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, schemas
from services.api.service import answer, body_of, context_of, service_of
from shared.contracts import crypto
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import Bytes32
from shared.usecases import links


async def create_key(request: web.Request) -> web.Response:
    """Make a key, or import a secret."""
    asked = await body_of(request, schemas.KeyRequest)
    secret = None if asked.secret is None else bytes(asked.secret)
    made = await links.create_key(service_of(request).ports.crypto, secret, context_of(request))
    return answer(answers.KeyAnswer(key=made.key, public_key=Bytes32(made.public_key)))


async def create_link(request: web.Request) -> web.Response:
    """Make a link from a key and a peer, or from a shared secret."""
    asked = await body_of(request, schemas.LinkRequest)
    links.only_scout1(asked.format)
    made = await _create_link(request, asked)
    return answer(answers.LinkAnswer(link=made.link, format=made.format, member=made.member))


async def _create_link(request: web.Request, asked: schemas.LinkRequest) -> crypto.CreateLinkReply:
    port, context = service_of(request).ports.crypto, context_of(request)
    match asked:
        case schemas.LinkRequest(key=str(key), peer=bytes(peer), secret=None, member=None):
            return await links.link_to_peer(port, key, bytes(peer), context)
        case schemas.LinkRequest(key=None, peer=None, secret=bytes(secret), member=member):
            return await links.link_from_secret(port, bytes(secret), member or 0, context)
        case _:
            raise ScoutError(
                ErrorCode.INVALID_REQUEST, "Expected either key and peer, or secret and perhaps member; not both."
            )


ROUTES = [web.post("/v1/keys", create_key), web.post("/v1/links", create_link)]
