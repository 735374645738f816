from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from shared.private_files import create_private_file


def test_only_its_owner_gets_at_a_private_file_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    before = os.umask(0)
    try:
        create_private_file(path, b"content")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_there_is_kept_and_so_is_one_that_a_link_points_to(tmp_path: Path) -> None:
    path, link = tmp_path / "secret", tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(FileExistsError):
        create_private_file(link, b"through the link")
    assert not path.exists()
    create_private_file(path, b"first")
    with pytest.raises(FileExistsError):
        create_private_file(path, b"second")
    assert path.read_bytes() == b"first"
