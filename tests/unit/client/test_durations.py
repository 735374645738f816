from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from scout.answers import Kept
from scout.cli.durations import lasts, seconds
from scout.modes import Mode


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("30d", 2_592_000)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "-1", "1.5h", "24 h", "1w", "1h30m", "9" * 20])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(text)


def test_how_long_something_lasts_ends_a_sentence() -> None:
    kept = Kept(kept_until=datetime(2026, 1, 2, tzinfo=UTC))
    assert lasts(kept, Mode.MANAGED).startswith("kept alive until 2026-01-0")
    assert lasts(kept, Mode.BLIND) == lasts(kept, Mode.MANAGED)
    assert lasts(kept, Mode.SESSION).startswith(lasts(kept, Mode.MANAGED) + " while a session is open")
    for mode in Mode:
        assert lasts(Kept(), mode) == "not kept alive"
        assert lasts(Kept(keep_error="keep_full"), mode) == "not kept alive (keep_full)"
