"""Environment variables -> one frozen struct per service, every problem named at once.

A service lists its `Setting`s, reads each with one `Reader`, calls `finish`, and builds a frozen dataclass.
Any variable may instead be given as a file, named by the variable with `_FILE` behind it: so clusters mount secrets.
This module is the only reader of the environment (ruff's banned-api list holds the others to it).
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

PREFIX = "SCOUT_"
FILE = "_FILE"
"""Behind a setting's name: the file that its value is in."""
MAX_PORT = 0xFFFF
SIMILAR = 0.9
"""How like (difflib's ratio) a variable must be to a setting to be taken for a slip of the pen: SCOUT_API_LISTEN and
SCOUT_DHT_LISTEN are two settings."""

_LINK_OF_KUBERNETES = re.compile(r"_(SERVICE_(HOST|PORT)\w*|PORT(_\d+_\w+)?)$")
"""What Kubernetes sets in every pod for each Service beside it; one called `scout-api` gives SCOUT_API_PORT."""


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has one line for each, naming the variable and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems; the message is all of them, a line each."""
        super().__init__("\n".join(problems))
        self.problems = problems


class UnusableError(OSError):
    """A setting has the form it should have, but what it names can't be used; `value` is the setting's."""

    def __init__(self, value: object, expected: str, error: OSError) -> None:
        """`expected` completes the sentence "expected …"."""
        named = error.errno and not isinstance(error, socket.gaierror)
        # asyncio and uvloop put sentences of their own where the system's word belongs
        reason = os.strerror(error.errno or 0) if named else error.strerror or str(error)
        super().__init__(error.errno, reason)
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        """A sentence for an operator."""
        return f"expected {self.expected}, got {self.value}: {self.strerror}"


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

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine alone; of names only `localhost` is known to be."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One variable: how its text becomes a value, and what stands when it is not set."""

    name: str
    parse: Callable[[str], T]
    """Raises ValueError whose text completes the sentence "expected …"."""
    default: T | None = None
    required: bool = False
    form: str = ""
    """What it looks like, for those who set it."""
    help: str = ""
    """What it is for, in Markdown, without a full stop."""
    usual: str = ""
    """What stands when it is not set, where that is more than a value."""
    secret: bool = False
    """Its value is never shown."""

    @property
    def names_file(self) -> bool:
        """Its value is the name of a file by itself, and no file stands for it."""
        return self.name.endswith(FILE)

    def shown(self, value: object) -> str:
        """A value of this setting, for operators."""
        match value:
            case None | "" | [] | ():
                return "none"
            case _ if self.secret:
                return "(hidden)"
            case bool():
                return str(value).lower()
            case list() | tuple():
                return ",".join(map(str, value))
            case _:
                return str(value)


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for one setting, and why."""

    setting: Setting[Any]
    value: Any
    origin: str

    def __str__(self) -> str:
        """A line for an operator."""
        return f"{self.setting.name} = {self.setting.shown(self.value)} ({self.origin})"


@dataclass(frozen=True, slots=True)
class _Given:
    """A setting's text, where it is set."""

    name: str
    """Of the variable that was set: the setting's, or that of its file."""
    text: str
    origin: str


class Reader:
    """Reads settings one by one and remembers every problem until `finish`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read from `environ`; only the composition roots pass the process's own."""
        self._environ = environ
        self._problems: list[str] = []
        self.effective: list[Effective] = []
        """All that was read, in order."""

    def read(self, setting: Setting[T]) -> T:
        """The value of one setting; a problem is kept for `finish`, and the default stands in until then."""
        value, origin = setting.default, "default"
        given = self._given(setting)
        if given is not None:
            origin = given.origin
            try:
                value = setting.parse(given.text)
            except ValueError as error:
                self.complain(f"{given.name}: expected {error}")
        self.effective.append(Effective(setting, value, origin))
        return value  # type: ignore[return-value]  # None only where T allows it, or finish() raises

    def file_of(self, setting: Setting[T]) -> Path | None:
        """The file that the setting is given as; None when it is given as a value, or not at all."""
        path = self._environ.get(f"{setting.name}{FILE}")
        return Path(path) if path else None

    def complain(self, problem: str) -> None:
        """Keep a problem that lies between settings for `finish`."""
        self._problems.append(problem)

    def finish(self) -> None:
        """Raise SettingsError when any setting read so far was wrong."""
        if self._problems:
            raise SettingsError(self._problems)

    def settings_of(self, value: object) -> list[str]:
        """The names of the settings that have this value."""
        return [one.setting.name for one in self.effective if one.value == value]

    def unknown(self) -> dict[str, str]:
        """The variables that look like settings and are none of those read, each with the one that may be meant.

        They may be another service's, so they are no problem; one that may be a slip of the pen deserves a word.
        """
        known: list[str] = []
        for one in self.effective:
            known += [one.setting.name] if one.setting.names_file else [one.setting.name, one.setting.name + FILE]
        strangers = [name for name in self._environ if name.startswith(PREFIX) and name not in known]
        return {
            name: next(iter(get_close_matches(name, known, n=1, cutoff=SIMILAR)), "")
            for name in sorted(strangers)
            if not _LINK_OF_KUBERNETES.search(name)
        }

    def _given(self, setting: Setting[T]) -> _Given | None:
        """What is set, if anything is; what is wrong with a file is kept as a problem."""
        path = None if setting.names_file else self.file_of(setting)
        if path is not None:
            return self._from_file(f"{setting.name}{FILE}", path)
        text = self._environ.get(setting.name)
        if text:
            return _Given(setting.name, text, "environment")
        if setting.required:
            self.complain(f"{setting.name}: expected a value, but neither it nor {setting.name}{FILE} is set")
        return None

    def _from_file(self, name: str, path: Path) -> _Given | None:
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            self.complain(f"{name}: expected a readable file, got {path}: {error.strerror}")
        except UnicodeDecodeError:
            self.complain(f"{name}: expected a text file in UTF-8, got other bytes in {path}")
        else:
            if text:
                return _Given(name, text, f"file {path}")
            self.complain(f"{name}: expected a value in the file, got an empty one: {path}")
        return None


def text(value: str) -> str:
    """Any text."""
    return value


def integer(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers within `low` … `high`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not low <= int(value) <= high:
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
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > MAX_PORT:
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
