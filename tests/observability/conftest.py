"""The tools that these tests need; without them nothing here can be told."""

from __future__ import annotations

import shutil

import pytest

NEEDED = ("prometheus", "promtool")


def pytest_configure() -> None:
    """Stop with one line when a tool is missing."""
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        pytest.exit(f"make observability-test needs {' and '.join(missing)}: apt-get install prometheus", returncode=1)
