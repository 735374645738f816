"""`/v1/keys` and `/v1/links`: handles."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.contracts import crypto
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import Bytes32
from shared.usecases import links


async def create_key(request: web.Request, body: schemas.KeyRequest) -> answers.KeyAnswer:
    """Make a key, or import a secret."""
    secret = None if body.secret is None else bytes(body.secret)
    made = await links.create_key(service_of(request).ports.crypto, secret, context_of(request))
    return answers.KeyAnswer(key=made.key, public_key=Bytes32(made.public_key))


async def create_link(request: web.Request, body: schemas.LinkRequest) -> answers.LinkAnswer:
    """Make a link from a key and a peer, or from a shared secret."""
    links.only_scout1(body.format)
    made = await _create_link(request, body)
    return answers.LinkAnswer(link=made.link, format=made.format, member=made.member)


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


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/keys",
        create_key,
        Scope.READ,
        Tag.HANDLES,
        "Make a key, or import one",
        description="An X25519 key pair. You keep the secret half yourself, wrapped as a handle; the public half "
        "goes to whoever wants a link with you.",
    ),
    Endpoint(
        "POST",
        "/v1/links",
        create_link,
        Scope.READ,
        Tag.HANDLES,
        "Make a link",
        (ErrorCode.LOW_ORDER_PUBLIC_KEY, ErrorCode.BAD_HANDLE),
        "Between two: your `key` and the other one's public key as `peer`; the other one does the same the other way "
        "round. Among a group: the same `secret` and a `member` number of one's own for each. The answer's `link` "
        "goes into the header `Scout-Link` of all that follows.",
    ),
]
