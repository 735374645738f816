"""Leases in a file: what is kept alive over the end of the process that keeps it.

What lies there is what the DHT's nodes hold too: sealed and signed versions, no secret. A heading that names the form,
a digest, then MessagePack. A file that is anything else is set aside, never deleted and never trusted.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from shared.bus.memory_leases import Standing
from shared.bus.ports import Lease
from shared.saved_files import replace_file, set_aside

log = logging.getLogger(__name__)

HEADING = b"scout leases 1\n"
"""The number is that of the form; a program that knows another one begins anew."""
MAX_LEASES = 10_000
"""At most 1.3 KB each: a version of 1000 bytes with its key, salt and signature."""
MAX_SIZE = 16 * 2**20
"""Bytes; more than so many leases take."""

_DIGEST_SIZE = 16
_TARGET_SIZE = 20


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """One lease. An array: a field may only be appended, with a default."""

    target: bytes
    seq: int
    copy: bytes
    until_ms: int
    due_ms: int
    wishes: Mapping[str, int] = {}


def save(path: Path, standing: Iterable[Standing]) -> None:
    """Replace what is in `path`. Raises OSError."""
    body = msgspec.msgpack.encode(
        [
            _Row(kept.lease.target, kept.lease.seq, kept.lease.copy, kept.lease.until_ms, kept.due_ms, kept.wishes)
            for kept in standing
        ]
    )
    replace_file(path, HEADING + _digest(body) + body)


def load(path: Path) -> list[Standing]:
    """The leases in `path`; none when there is no such file, or when it can't be read: then the log says why."""
    try:
        return _decode(_read(path))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _give_up(path, str(error))
        return []


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise ValueError(f"expected at most {MAX_SIZE} bytes")
    return data


def _decode(data: bytes) -> list[Standing]:
    if not data.startswith(HEADING):
        raise ValueError(f"expected a file that begins with {HEADING.decode().strip()!r}")
    digest, body = data[len(HEADING) :][:_DIGEST_SIZE], data[len(HEADING) + _DIGEST_SIZE :]
    if digest != _digest(body):
        raise ValueError("the digest does not fit")
    rows = msgspec.msgpack.decode(body, type=list[_Row])
    if any(len(row.target) != _TARGET_SIZE for row in rows):
        raise ValueError(f"expected targets of {_TARGET_SIZE} bytes")
    return [Standing(Lease(row.target, row.seq, row.copy, row.until_ms), row.due_ms, row.wishes) for row in rows]


def _give_up(path: Path, reason: str) -> None:
    """Nobody is kept from starting by what can't be read, nor by what can't even be set aside."""
    try:
        aside = set_aside(path)
    except OSError as error:
        log.warning(
            "what was to be kept can't be read, nor set aside",
            extra={"path": str(path), "reason": f"{reason}; {error}"},
        )
        return
    log.warning("what was to be kept can't be read and was set aside", extra={"path": str(aside), "reason": reason})


def _digest(body: bytes) -> bytes:
    """BLAKE2b: a damaged disk may change bytes and leave the form intact."""
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest()
