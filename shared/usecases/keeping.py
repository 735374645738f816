"""What became of the wish to have something kept alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from msgspec.structs import replace

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from shared.moments import moment
from shared.usecases.ports import Dht

KEPT_FOR_S = 7200
"""Seconds for which nodes keep an item after the last put: the floor of BEP 44's implementations; some keep longer."""

DEFAULT_KEEP_S = 24 * 3600
"""Seconds for which the cluster keeps alive what callers say nothing else about: a device that is off for a night is
found in the morning."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when the cluster puts something again by itself."""

    until_ms: int = 0
    """Wall clock; 0: it does not."""
    refused: str = ""
    """The error code for which it is not kept as was asked; empty when nothing is amiss."""


def kept(reply: dht.PutReply | dht.KeepReply) -> Kept:
    """What the reply to a put says of it."""
    return Kept(reply.kept_until_ms, reply.keep_refused)


def has_taken(reply: dht.PutReply) -> bool:
    """Whether the DHT has what was put. A version that lost against another it has not, and it is not kept.

    A majority decides even where some node reports a conflict: a racing writer can't have one too.
    """
    storing = reply.storing
    return storing.stored > 0 and (not reply.conflict or storing.stored > storing.asked // 2)


async def handed_over(port: Dht, versions: Sequence[dht.KeptVersion], context: CallContext) -> dht.KeepReply:
    """What becomes of the versions for epochs to come that a put brought: one that is stored can't fail by them."""
    if not versions:
        return dht.KeepReply()
    try:
        return await port.keep(dht.Keep(versions=list(versions)), context)
    except ScoutError as error:
        return dht.KeepReply(keep_refused=error.code.value)


def with_ahead(reply: dht.PutReply, ahead: dht.KeepReply) -> dht.PutReply:
    """The reply to a put that brought versions for epochs to come: kept to the end of the last, or 0 if not all are."""
    refused = reply.keep_refused or ahead.keep_refused
    until_ms = 0 if refused else max(reply.kept_until_ms, ahead.kept_until_ms)
    return replace(reply, kept_until_ms=until_ms, keep_refused=refused)


def kept_both(one: Kept, other: Kept) -> Kept:
    """What holds of two things that are of use only together."""
    return Kept(min(one.until_ms, other.until_ms), one.refused or other.refused)


class Lasting(TypedDict):
    """How long a write lasts, as every answer to one says it."""

    kept_for_s: int
    kept_until: datetime | None
    """To the second."""
    keep_error: str | None


def lasting(kept: Kept) -> Lasting:
    """How long a write lasts, in the words of an answer."""
    return {
        "kept_for_s": KEPT_FOR_S,
        "kept_until": moment(kept.until_ms // 1000 * 1000 or None),
        "keep_error": kept.refused or None,
    }
