"""docs/bus.md names the test of each promise: it has to exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "bus.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists_and_every_promise_is_named() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    exist = set(re.findall(r"def (test_\w+)", written))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named <= exist
    assert {name for name in exist if name.startswith("test_promise_")} <= named
