"""What became of the wish to have something kept alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from shared.contracts import dht
from shared.moments import moment

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
