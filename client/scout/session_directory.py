"""The directory in which a session remembers itself: whose it is now, and what stands in it."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from scout.errors import ClientError, OpenElsewhere
from shared.private_files import OWNER_ONLY, make_private_directory
from shared.saved_files import replace_file, set_aside

log = logging.getLogger(__name__)

_LOCKED = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})
_MAX_SIZE = 4096
"""Bytes of the file with what is small; ours has less than a hundred."""


class Remembered(msgspec.Struct, frozen=True):
    """What is small, from one time to the next."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """UDP, where the node listened last; 0: nowhere yet."""
    mapping_nonce: Annotated[str, Meta(pattern="^([0-9a-f]{24})?$")] = ""
    """Hex; by it a gateway knows whose mapping is to be renewed (RFC 6887, section 11.2)."""


class SessionDirectory:
    """Where the parts of a session keep what they remember."""

    def __init__(self, path: Path) -> None:
        """Nothing is made before `held`."""
        self.path = path
        self.node = path / "dht.state"
        """The node's id, its contacts, and what it stores for others."""
        self.leases = path / "kept"
        """What was asked to be kept: sealed and signed versions."""
        self._small = path / "session.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the directory if need be, and have it to oneself until the block ends or the process does.

        Raises OpenElsewhere when another session has it, and ClientError when it can't be used.
        """
        try:
            make_private_directory(self.path)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        except OSError as error:
            raise ClientError(f"expected a directory for a session's state at {self.path}: {error.strerror}") from error
        try:
            _lock(handle, self.path)
            yield
        finally:
            os.close(handle)

    def remembered(self) -> Remembered:
        """What is small; nothing when it can't be read."""
        try:
            with self._small.open("rb") as file:
                return msgspec.json.decode(file.read(_MAX_SIZE), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError) as error:
            self._give_up(str(error))
            return Remembered()

    def remember(self, small: Remembered) -> None:
        """Write down what is small, if it has changed; a disk that takes nothing is logged."""
        if small == self.remembered():
            return
        try:
            replace_file(self._small, msgspec.json.encode(small))
        except OSError as error:
            log.warning("a session's port could not be saved", extra={"path": str(self._small), "reason": str(error)})

    def _give_up(self, reason: str) -> None:
        facts = {"path": str(self._small), "reason": reason}
        try:
            set_aside(self._small)
        except OSError:
            log.warning("a session's port can't be read, nor set aside", extra=facts)
        else:
            log.warning("a session's port can't be read and was set aside", extra=facts)


def _lock(handle: int, path: Path) -> None:
    """Lock an open file for as long as it is open; the system frees it when the process dies."""
    if sys.platform == "win32":  # its locks are of another kind, and no session has been tried there
        return
    import fcntl  # noqa: PLC0415  # there is none on Windows

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _LOCKED:
            raise OpenElsewhere(
                f"expected {path} to be free, but another session has it open; each needs a directory of its own"
            ) from None
        raise ClientError(f"expected {path} to be on a disk with file locks: {error.strerror}") from error
