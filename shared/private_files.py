"""Files for secrets: readable by their owner only, made once, never written over."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_ONLY = 0o600
DIRECTORY_OF_OWNER = 0o700


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner can enter; one that is there already stays as it is. Raises OSError."""
    path.mkdir(mode=DIRECTORY_OF_OWNER, parents=True, exist_ok=True)


def create_private_file(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, down to the disk; its directory is made if need be.

    Raises OSError: FileExistsError when there is one already.
    """
    make_private_directory(path.parent)
    # O_EXCL: whoever made the file first keeps it, even between a look and a write
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
