"""Environment variables -> one frozen struct per service, every problem named at once.

A service lists its `Setting`s, reads each with one `Reader`, calls `finish`, and builds a frozen dataclass.
Any variable may instead be given as a file, named by the variable with `_FILE` behind it: so clusters mount secrets.
This module is the only reader of the environment (ruff's banned-api list holds the others to it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_PORT = 0xFFFF


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has one line for each, naming the variable and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems; the message is all of them, a line each."""
        super().__init__("\n".join(problems))
        self.problems = problems


class Secret:
    """Bytes that never show themselves: not in a repr, a log line or a traceback's locals."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        """Hold `value`."""
        self._value = value

    def reveal(self) -> bytes:
        """The bytes, for the one place that needs them."""
        return self._value

    def __repr__(self) -> str:
        """A placeholder."""
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port to listen on or to speak to."""

    host: str
    port: int

    def __str__(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One variable: how its text becomes a value, and what stands when it is not set."""

    name: str
    parse: Callable[[str], T]
    """Raises ValueError whose text completes the sentence "expected …"."""
    default: T | None = None
    required: bool = False
    help: str = ""


class Reader:
    """Reads settings one by one and remembers every problem until `finish`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read from `environ`; only the composition roots pass the process's own."""
        self._environ = environ
        self._problems: list[str] = []

    def read(self, setting: Setting[T]) -> T:
        """The value of one setting; a problem is kept for `finish`, and the default stands in until then."""
        try:
            text = self._text(setting.name)
        except OSError as error:
            self._problems.append(
                f"{setting.name}_FILE: expected a readable file, got {error.filename}: {error.strerror}"
            )
            return setting.default  # type: ignore[return-value]  # finish() raises before anybody uses it
        if text is None:
            if setting.required:
                self._problems.append(
                    f"{setting.name}: expected a value, but neither it nor {setting.name}_FILE is set"
                )
            return setting.default  # type: ignore[return-value]  # None only where T allows it, or finish() raises
        try:
            return setting.parse(text)
        except ValueError as error:
            self._problems.append(f"{setting.name}: expected {error}")
            return setting.default  # type: ignore[return-value]  # finish() raises before anybody uses it

    def file_of(self, setting: Setting[T]) -> Path | None:
        """The file that the setting is given as; None when it is given as a value, or not at all."""
        path = self._environ.get(f"{setting.name}_FILE")
        return Path(path) if path else None

    def complain(self, problem: str) -> None:
        """Keep a problem that lies between settings for `finish`."""
        self._problems.append(problem)

    def finish(self) -> None:
        """Raise SettingsError when any setting read so far was wrong."""
        if self._problems:
            raise SettingsError(self._problems)

    def _text(self, name: str) -> str | None:
        path = self._environ.get(f"{name}_FILE")
        if path:
            return Path(path).read_text(encoding="utf-8").strip()
        text = self._environ.get(name)
        return text or None


def text(value: str) -> str:
    """Any text."""
    return value


def integer(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers within `low` … `high`."""

    def parse(value: str) -> int:
        if not value.lstrip("-").isdigit() or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}, got {value!r}")
        return int(value)

    return parse


def flag(value: str) -> bool:
    """`true` or `false` (also `1`, `0`, `yes`, `no`)."""
    known: dict[str, bool] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if value.lower() not in known:
        raise ValueError(f"true or false, got {value!r}")
    return known[value.lower()]


def endpoint(value: str) -> Endpoint:
    """`host:port`, `[ipv6]:port`; port 0 lets the system choose."""
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > MAX_PORT:
        raise ValueError(f"host:port, got {value!r}")
    return Endpoint(host.removeprefix("[").removesuffix("]"), int(port))


def listed(parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A parser of comma-separated values."""
    return lambda value: [parse(part.strip()) for part in value.split(",") if part.strip()]


def secret_hex(size: int) -> Callable[[str], Secret]:
    """A parser of `size` secret bytes in hex; its complaint never quotes what came."""

    def parse(value: str) -> Secret:
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            raw = b""
        if len(raw) != size:
            raise ValueError(f"{size} bytes as {2 * size} hex digits, got {len(value)} characters") from None
        return Secret(raw)

    return parse


def secret_text(value: str) -> Secret:
    """A password."""
    return Secret(value.encode())


def readable_file(value: str) -> Path:
    """The path of a file that this process may read."""
    path = Path(value)
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"a readable file, got {value}: {error.strerror}") from None
    return path


def one_of(*names: str) -> Callable[[str], str]:
    """A parser of one of `names`."""

    def parse(value: str) -> str:
        if value not in names:
            raise ValueError(f"one of {', '.join(names)}, got {value!r}")
        return value

    return parse
