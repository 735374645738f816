"""Files in which a process remembers something: replaced as a whole, and set aside when they can't be read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from shared.private_files import create_private_file

DRAFT = ".new"
DAMAGED = ".damaged"


def replace_file(path: Path, content: bytes) -> None:
    """Make `content` all that is in `path`, for its owner's eyes only; after a crash there is the old file or the new.

    Raises OSError. Two writers of one path must not run at a time: they share the draft.
    """
    draft = path.with_name(path.name + DRAFT)
    draft.unlink(missing_ok=True)
    create_private_file(draft, content)
    draft.replace(path)
    _sync_directory(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a file that can't be read, so that somebody may look at it, and say where it is now. Raises OSError."""
    aside = path.with_name(path.name + DAMAGED)
    path.replace(aside)
    return aside


def _sync_directory(directory: Path) -> None:
    """Make the replacement itself durable; not every system lets a directory be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
