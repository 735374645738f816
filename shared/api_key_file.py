"""The file of API keys (TOML), as `scout apikey new` writes it and the API reads it.

    [[key]]
    name = "phone-app"
    tenant = "acme"
    scopes = ["read", "write"]
    sha256 = "9f86d081…"
    expires = 2027-01-31
    budget = { packets_per_second = 20, burst = 1200 }

    [tenant.acme]
    budget = { packets_per_second = 100 }

Every problem is named at once, with its line and the key's name. No value is ever quoted: somebody may have put the
key itself where its hash belongs.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from shared.api_keys import DIGEST_BYTES, ApiKey, Budget, KeyRing, Scope, Tenant

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""Of keys and tenants: they stand in logs, metrics and Redis keys. Shorter than a token, so none passes for a name."""
A_NAME = "1 to 32 letters, digits, dots, underscores or hyphens"

BURST_S = 60.0
"""A budget that does not say its burst lets callers save up this many seconds."""
SMALLEST, LARGEST = 0.001, 60_000_000.0
"""Of what a budget may say: a packet every quarter of an hour, and a million a second for a minute."""
DAY_MS = 24 * 3600 * 1000

_HEADER = re.compile(r"\s*(\[\[\s*key\s*]]|\[\s*tenant\s*\.\s*\"?([^\s\"\]]+)\"?\s*])")
_POSITION = re.compile(r"\(at [a-z0-9, ]+\)")


class KeyFileError(Exception):
    """The file is not as it should be; `problems` has a line for each thing, without any value of the file."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems."""
        super().__init__("\n".join(problems))
        self.problems = problems


def parse(text: str) -> KeyRing:
    """The keys in a file's text. Raises KeyFileError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # only the place: its words may quote what stands there
        place = _POSITION.search(str(error))
        raise KeyFileError([f"expected TOML, got something else {place[0] if place else ''}".rstrip()]) from None
    problems: list[str] = []
    lines = _lines(text)
    keys = _keys(document.pop("key", []), lines, problems)
    tenants = _tenants(document.pop("tenant", {}), lines, problems)
    problems += [f"expected only [[key]] and [tenant.NAME], got {_shown(name)}" for name in document]
    if not keys and not problems:
        problems.append("expected at least one [[key]]; `scout apikey new` makes one")
    if problems:
        raise KeyFileError(problems)
    return KeyRing({key.digest: key for key in keys}, tenants)


def block(key: ApiKey) -> str:
    """The lines of one key, to be added to a file."""
    scopes = ", ".join(f'"{scope}"' for scope in Scope if scope in key.scopes)
    lines = [
        "[[key]]",
        f'name = "{key.name}"',
        f'tenant = "{key.tenant}"',
        f"scopes = [{scopes}]",
        f'sha256 = "{key.digest.hex()}"',
    ]
    if key.expires_ms is not None:
        lines.append(f"expires = {_end(key.expires_ms)}")
    if key.budget is not None:
        rate, burst = key.budget.packets_per_second, key.budget.burst
        lines.append(f"budget = {{ packets_per_second = {rate:g}, burst = {burst:.15g} }}")
    return "\n".join(lines) + "\n"


def _end(expires_ms: int) -> str:
    """A day when it is the end of one, else a time."""
    if expires_ms % DAY_MS == 0:
        return dt.datetime.fromtimestamp((expires_ms - DAY_MS) / 1000, dt.UTC).date().isoformat()
    return dt.datetime.fromtimestamp(expires_ms / 1000, dt.UTC).isoformat()


def _keys(tables: Any, lines: Mapping[str, int], problems: list[str]) -> list[ApiKey]:
    if not isinstance(tables, list):
        problems.append("expected keys as [[key]], each with double brackets")
        return []
    keys = []
    names: set[str] = set()
    digests: set[bytes] = set()
    for number, values in enumerate(tables):
        table = _table(values, _place(lines, f"key {number}", f"key {number + 1}"), problems)
        if table is None:
            continue
        key = table.key()
        table.unique("name", key.name, names)
        table.unique("sha256", key.digest, digests)
        keys.append(key)
    return keys


def _tenants(tables: Any, lines: Mapping[str, int], problems: list[str]) -> dict[str, Tenant]:
    if not isinstance(tables, dict):
        problems.append("expected tenants as [tenant.NAME]")
        return {}
    tenants = {}
    for name, values in tables.items():
        table = _table(values, _place(lines, f"tenant {name}", f"tenant {_shown(name)}"), problems)
        if table is None:
            continue
        if not NAME.fullmatch(name):
            table.complain(f"expected a tenant's name of {A_NAME}")
        tenants[name] = Tenant(table.budget())
        table.finish()
    return tenants


class _Table:
    """One table of the file, read field by field; what is wrong is remembered with its place."""

    def __init__(self, values: Mapping[str, Any], place: str, problems: list[str]) -> None:
        self._place = place
        self._problems = problems
        self._values = dict(values)
        name = self._values.get("name")
        if isinstance(name, str) and NAME.fullmatch(name):
            self._place += f" ({name})"

    def complain(self, problem: str) -> None:
        """Remember a problem."""
        self._problems.append(f"{self._place}: {problem}")

    def unique(self, field: str, value: Any, seen: set[Any]) -> None:
        """A value that no two keys may share; empty ones have been complained about."""
        if value and value in seen:
            self.complain(f"{field}: expected one that no other key has")
        seen.add(value)

    def key(self) -> ApiKey:
        """This table as a key."""
        key = ApiKey(
            name=self._name("name"),
            tenant=self._name("tenant"),
            scopes=self._scopes(),
            digest=self._digest(),
            expires_ms=self._expires(),
            budget=self.budget(),
        )
        self.finish()
        return key

    def budget(self) -> Budget | None:
        """The field `budget`, when there is one."""
        values = self._values.pop("budget", None)
        if values is None:
            return None
        table = _table(values, f"{self._place}: budget", self._problems)
        if table is None:
            return None
        rate = table.number("packets_per_second", None)
        burst = table.number("burst", rate * BURST_S)
        table.finish()
        return Budget(rate, burst)

    def number(self, field: str, default: float | None) -> float:
        """A number above 0; required without a default."""
        value = self._values.pop(field, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not SMALLEST <= value <= LARGEST:
            self.complain(f"{field}: expected a number from {SMALLEST} to {LARGEST:.0f}")
            return 1.0
        return float(value)

    def finish(self) -> None:
        """Complain about every field that nobody has read."""
        for field in self._values:
            self.complain(f"expected no field {_shown(field)}")

    def _name(self, field: str) -> str:
        value = self._values.pop(field, None)
        if not isinstance(value, str) or not NAME.fullmatch(value):
            self.complain(f"{field}: expected {A_NAME}")
            return ""
        return value

    def _scopes(self) -> frozenset[Scope]:
        value = self._values.pop("scopes", None)
        known = list(Scope)  # a list: what stands in the file need not be hashable
        if not isinstance(value, list) or not value or any(scope not in known for scope in value):
            self.complain(f'scopes: expected a list of some of {", ".join(known)}, such as ["read", "write"]')
            return frozenset()
        return frozenset(Scope(scope) for scope in value)

    def _digest(self) -> bytes:
        value = self._values.pop("sha256", None)
        try:
            digest = bytes.fromhex(value) if isinstance(value, str) else b""
        except ValueError:
            digest = b""
        if len(digest) != DIGEST_BYTES:
            self.complain(
                f"sha256: expected the {2 * DIGEST_BYTES} hex digits of a key's SHA-256, as `scout apikey new` prints "
                "them; the key itself does not belong here"
            )
            return b""
        return digest

    def _expires(self) -> int | None:
        value = self._values.pop("expires", None)
        if value is None:
            return None
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            return round(value.timestamp() * 1000)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return end_of_day_ms(value)
        self.complain("expires: expected a date such as 2027-01-31, or a time with a zone such as 2027-01-31T12:00:00Z")
        return None


def _table(values: Any, place: str, problems: list[str]) -> _Table | None:
    """The table at `place`; None, and a problem, when something else stands there."""
    if isinstance(values, dict):
        return _Table(values, place, problems)
    problems.append(f"{place}: expected a table of fields")
    return None


def end_of_day_ms(day: dt.date) -> int:
    """The end of a day in UTC, milliseconds since the Unix epoch: a key that expires on a day works all that day."""
    return round(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000) + DAY_MS


def _shown(name: str) -> str:
    """A field's name, unless it could be a secret in the wrong place."""
    return name if NAME.fullmatch(name) else "one with an unusual name"


def _place(lines: Mapping[str, int], what: str, otherwise: str) -> str:
    return f"line {lines[what]}" if what in lines else otherwise


def _lines(text: str) -> dict[str, int]:
    """On which line each `[[key]]` (as `key 0`, …) and `[tenant.NAME]` stands.

    tomllib does not say. Keys written in another way (`key = [{…}]`) are told apart by their number instead.
    """
    lines: dict[str, int] = {}
    keys = 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is None:
            continue
        tenant = header[2]
        lines[f"key {keys}" if tenant is None else f"tenant {tenant}"] = number
        keys += tenant is None
    return lines
