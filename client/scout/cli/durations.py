"""Durations as people write them: `24h`, `30m`, `7d`, `0`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from scout.answers import Kept
from scout.modes import Mode

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}

_DURATION = re.compile(r"(\d{1,9})([smhd]?)")


def seconds(text: str) -> int:
    """The seconds of a duration; a bare number is seconds. Raises typer.BadParameter."""
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise typer.BadParameter(f"expected a duration such as 24h, 30m or 7d, got {text[:80]!r}")
    number, unit = matched.groups()
    return int(number) * UNITS.get(unit, 1)


Keep = Annotated[
    int | None,
    typer.Option(metavar="DURATION", parser=seconds, help="Have it kept alive: 30m, 24h (default) … 30d; 0 for not."),
]


def lasts(written: Kept, mode: Mode) -> str:
    """The end of a sentence: until when something is kept alive, in this machine's time zone, and by whom."""
    if written.kept_until is None:
        return f"not kept alive ({written.keep_error})" if written.keep_error else "not kept alive"
    until = f"kept alive until {written.kept_until.astimezone():%Y-%m-%d %H:%M}"
    return f"{until} while a session is open" if mode is Mode.SESSION else until
