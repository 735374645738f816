"""Immutable byte strings by their secure hash, for anybody who knows it (BEP 44, "immutable items")."""

from __future__ import annotations

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.format.errors import MalformedError
from shared.format.items import content_of
from shared.usecases.ports import Nodes
from shared.usecases.writing import not_stored


def hash_of(content: bytes) -> bytes:
    """The hash (20 bytes) under which a byte string is found. Raises ScoutError (`item_too_large`) over 996 bytes."""
    return bep44.immutable_target(_value(content))


async def put(dht_port: Nodes, content: bytes, context: CallContext, keep: int = 0) -> dht.PutReply:
    """Store a byte string and keep it alive for `keep` seconds.

    Raises ScoutError: `item_too_large` over 996 bytes, `not_stored`.
    """
    return await put_value(dht_port, _value(content), context, keep)


async def put_value(dht_port: Nodes, value: bytes, context: CallContext, keep: int = 0) -> dht.PutReply:
    """Store a bencoded value (at most 1000 bytes) and keep it alive. Raises ScoutError (`not_stored`)."""
    reply = await dht_port.put_immutable(dht.PutImmutable(value=value, keep=keep), context)
    if reply.storing.stored == 0:
        raise not_stored(reply.storing)
    return reply


async def get(dht_port: Nodes, target: bytes, context: CallContext) -> bytes:
    """The byte string stored under a hash (20 bytes).

    Raises ScoutError: `not_found` when no node that answered holds it, or when what they hold is no byte string.
    """
    reply = await dht_port.get_immutable(dht.GetImmutable(target=target), context)
    if reply.value is None:
        raise ScoutError(
            ErrorCode.NOT_FOUND,
            "No node that answered holds this item.",
            facts={"asked": reply.report.asked, "answered": reply.report.answered},
        )
    try:
        return content_of(reply.value)
    except MalformedError:
        raise ScoutError(ErrorCode.NOT_FOUND, "The item under this hash is no byte string.") from None


def _value(content: bytes) -> bytes:
    if len(content) > bep44.MAX_STRING:
        raise ScoutError(
            ErrorCode.ITEM_TOO_LARGE,
            f"Expected an item of at most {bep44.MAX_STRING} bytes, got {len(content)}.",
            facts={"size": len(content), "limit": bep44.MAX_STRING},
        )
    return bep44.bencode_string(content)
