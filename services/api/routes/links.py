"""`/v1/keys` and `/v1/links`: handles."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.contracts import crypto
from shared.errors import ErrorCode
from shared.json_bytes import Bytes32
from shared.usecases import links


async def create_key(request: web.Request, body: schemas.KeyRequest) -> answers.KeyAnswer:
    """Make a key, or import a secret."""
    secret = None if body.secret is None else bytes(body.secret)
    made = await links.create_key(service_of(request).crypto, secret, context_of(request))
    return answers.KeyAnswer(key=made.key, public_key=Bytes32(made.public_key))


async def create_link(request: web.Request, body: schemas.LinkRequest) -> answers.LinkAnswer:
    """Make a link: of a pair, or of a group."""
    asked = crypto.CreateLink(
        key=body.key,
        peer=_plain(body.peer),
        secret=_plain(body.secret),
        root=_plain(body.root),
        passphrase=body.passphrase,
        group=body.group,
        member=body.member,
        format=links.known_format(body.format),
    )
    made = await links.create_link(service_of(request).crypto, asked, context_of(request))
    return answers.LinkAnswer(link=made.link, format=made.format, member=made.member)


def _plain(key: Bytes32 | None) -> bytes | None:
    """As the bus carries it."""
    return None if key is None else bytes(key)


async def rewrap(request: web.Request, body: schemas.RewrapRequest) -> answers.RewrappedAnswer:
    """Move a handle to the newest master key."""
    made = await links.rewrap(service_of(request).crypto, body.handle, context_of(request))
    return answers.RewrappedAnswer(handle=made.handle, kind=made.kind)


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
        "round. Among a group: the same `secret`, or the same `passphrase` and `group`, and a `member` number of one's "
        "own for each. The answer's `link` goes into the header `Scout-Link` of all that follows.",
    ),
    Endpoint(
        "POST",
        "/v1/handles/rewrap",
        rewrap,
        Scope.READ,
        Tag.HANDLES,
        "Move a handle to the newest master key",
        (ErrorCode.BAD_HANDLE,),
        "When the cluster's operators rotate its master key, handles of the old one stop to work once it is taken "
        "away. Ask for new ones before; an old handle goes on working until then.",
    ),
]
