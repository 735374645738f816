"""What a check found, in words: one line each, and what to do where something is amiss."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it could."""
    FAILED = "failed"
    """Something that Scout needs does not work."""


class Finding(msgspec.Struct, frozen=True):
    """One check."""

    check: str
    verdict: Verdict
    said: str
    """What was seen."""
    advice: str = ""
    """What to do; empty when all is well."""


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, said)


def warning(check: str, said: str, advice: str) -> Finding:
    """It could be better."""
    return Finding(check, Verdict.WARNING, said, advice)


def failed(check: str, said: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, Verdict.FAILED, said, advice)
