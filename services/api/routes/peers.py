"""`/v1/peers`: who takes part in a torrent, and that somebody here does."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.contracts import dht
from shared.errors import ErrorCode
from shared.usecases.writing import not_stored


async def read(request: web.Request, path: schemas.InfoHashPath) -> answers.PeersAnswer:
    """The peers announced for an info-hash."""
    asked = dht.GetPeers(info_hash=bytes(path.info_hash))
    found = await service_of(request).dht_node.get_peers(asked, context_of(request))
    return answers.PeersAnswer(peers=found.peers, lookup=render.lookup(found.report))


async def announce(
    request: web.Request, path: schemas.InfoHashPath, body: schemas.AnnounceRequest
) -> answers.AnnouncedAnswer:
    """Announce a port of the DHT node's own address."""
    asked = dht.AnnouncePeer(info_hash=bytes(path.info_hash), port=body.port)
    reply = await service_of(request).dht_node.announce_peer(asked, context_of(request))
    if not reply.storing.stored:
        raise not_stored(reply.storing)
    return answers.AnnouncedAnswer(storing=render.storing(reply.storing))


_ERRORS = (ErrorCode.BUS_UNAVAILABLE, ErrorCode.DHT_UNAVAILABLE)

ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/peers/{info_hash}",
        read,
        Scope.RELAY,
        Tag.PEERS,
        "The peers of a torrent",
        _ERRORS,
        "Those that the nodes nearest to the info-hash know (BEP 5). What they say is not checked: an address may be "
        "anybody's.",
        packets=40,
    ),
    Endpoint(
        "POST",
        "/v1/peers/{info_hash}",
        announce,
        Scope.RELAY,
        Tag.PEERS,
        "Announce a peer",
        (*_ERRORS, ErrorCode.NOT_STORED),
        "The address is that of the DHT node which sends the announcement, since BEP 5 takes it from the datagram: for "
        "peers that share it. Nodes forget within half an hour; announce again in time.",
        packets=50,
    ),
]
