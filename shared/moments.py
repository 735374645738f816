"""Times that somebody wrote down, as calendar times."""

from __future__ import annotations

from datetime import UTC, datetime

LATEST_MS = 253_402_300_799_000
"""The end of the year 9999, which is that of RFC 3339."""


def moment(unix_ms: int | None) -> datetime | None:
    """Unix milliseconds as a time in UTC; None for None, and for a time that no calendar has."""
    if unix_ms is None or unix_ms > LATEST_MS:
        return None
    return datetime.fromtimestamp(unix_ms / 1000, UTC)
