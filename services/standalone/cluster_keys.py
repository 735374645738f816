"""The two secrets of a cluster: drawn anew for each run, or kept in a state directory so that handles outlive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.errors import ErrorCode, ScoutError
from shared.private_files import create_private_file
from shared.settings import Secret

KEY_SIZE = 32
MASTER_KEY_ID = 1
"""Of the first master key; one that takes its place later has another."""
FILE_NAME = "cluster-keys.json"


@dataclass(frozen=True, slots=True)
class ClusterKeys:
    """What the API and the crypto service share (32 bytes each)."""

    bus: Secret
    """Seals the bodies between them."""
    master: Secret
    """Wraps handles."""


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bus: str
    master: str


def draw_keys(entropy: Callable[[int], bytes]) -> ClusterKeys:
    """Fresh keys."""
    return ClusterKeys(bus=Secret(entropy(KEY_SIZE)), master=Secret(entropy(KEY_SIZE)))


def kept_keys(state: Path, entropy: Callable[[int], bytes]) -> ClusterKeys:
    """The keys kept in `state`, drawn and kept there the first time; only the owner can read the file.

    Raises ScoutError `invalid_request` when the file can't be written, or is there and is none of ours.
    """
    path = state / FILE_NAME
    try:
        if not path.exists():
            _keep(path, draw_keys(entropy))
    except OSError as error:
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"expected to keep keys in {path}: {error.strerror}") from error
    return _read(path)


def _keep(path: Path, keys: ClusterKeys) -> None:
    stored = _Stored(keys.bus.reveal().hex(), keys.master.reveal().hex())
    create_private_file(path, msgspec.json.encode(stored))


def _read(path: Path) -> ClusterKeys:
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        keys = bytes.fromhex(stored.bus), bytes.fromhex(stored.master)
    except (OSError, ValueError):
        keys = b"", b""
    if any(len(key) != KEY_SIZE for key in keys):
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"expected two keys of {KEY_SIZE} bytes in {path}")
    return ClusterKeys(bus=Secret(keys[0]), master=Secret(keys[1]))
