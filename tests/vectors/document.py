"""A vectors file: sections by name, each a list of objects, one object, or one string of hex.

Names that begin with an underscore, and `note`, are words for the reader. What a check reads from a vector goes through
`Vector`, so that a file of another shape is told apart from one whose figures are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

KEY_DIGITS = 64


class MalformedFileError(Exception):
    """The file is not laid out as a vectors file; the message says where."""


class MismatchError(Exception):
    """A vector and our code disagree."""

    def __init__(self, what: str, expected: object, actual: object) -> None:
        """Name what was compared, what the file says and what we got."""
        super().__init__(f"{what}: expected {shown(expected)}, got {shown(actual)}")


class UncheckableError(Exception):
    """No check is known for this vector, or the file lacks what the check would need."""


@dataclass(frozen=True)
class Document:
    """The whole file, as checks see it."""

    sections: dict[str, Any]

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """Every 32 bytes that stand anywhere in the file: some sections rely on a key that another one names."""
        return tuple(dict.fromkeys(bytes.fromhex(text) for text in _strings(self.sections) if _is_key(text)))

    def items(self, section: str) -> list[dict[str, Any]]:
        """The objects of another section; empty when it is missing or of another shape."""
        found = self.sections.get(section)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


@dataclass(frozen=True)
class Vector:
    """One vector: its place in the file, its fields, and what a check has to say beside right and wrong."""

    section: str
    index: str
    value: Any
    document: Document
    notes: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the object has this field."""
        return name in self._object()

    def hex(self, name: str) -> bytes:
        """A field of hex digits, as bytes."""
        return self.unhex(self._field(name, str), name)

    def optional_hex(self, name: str) -> bytes | None:
        """A field of hex digits as bytes, or None where the field is null."""
        fields = self._object()
        if name in fields and fields[name] is None:
            return None
        return self.hex(name)

    def array(self, name: str) -> list[Any]:
        """A field that is an array of anything."""
        return list(self._field(name, list))

    def text(self, name: str) -> str:
        """A field of text."""
        found: str = self._field(name, str)
        return found

    def integer(self, name: str) -> int:
        """A field that is a whole number."""
        found: int = self._field(name, int)
        return found

    def flag(self, name: str) -> bool:
        """A field that is true or false."""
        found: bool = self._field(name, bool)
        return found

    def children(self, name: str) -> list[Vector]:
        """A field that is a list of objects, each as a vector of its own."""
        return [
            Vector(self.section, f"{self.index}.{name}[{place}]", child, self.document)
            for place, child in enumerate(self._field(name, list))
        ]

    def texts(self, name: str) -> list[str]:
        """A field that is a list of texts."""
        found = self._field(name, list)
        if not all(isinstance(entry, str) for entry in found):
            raise self.malformed(f"expected texts in {name!r}")
        return list(found)

    def unhex(self, value: Any, name: str = "value") -> bytes:
        """Hex digits as bytes."""
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            raise self.malformed(f"expected hex digits in {name!r}, got {shown(value)}") from None

    def malformed(self, reason: str) -> MalformedFileError:
        """An error that names this vector."""
        return MalformedFileError(f"{self.section}[{self.index}]: {reason}")

    def _field(self, name: str, kind: type) -> Any:
        fields = self._object()
        # bool is an int to Python; in these files it never stands for one
        if name not in fields or type(fields[name]) is not kind:
            raise self.malformed(f"expected {name!r} of type {kind.__name__}, got {shown(fields.get(name))}")
        return fields[name]

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.malformed(f"expected an object, got {shown(self.value)}")
        return self.value


def load(path: Path) -> Document:
    """Read a vectors file. Raises MalformedFileError."""
    try:
        sections = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise MalformedFileError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedFileError(f"{path}: expected JSON: {error}") from None
    if not isinstance(sections, dict):
        raise MalformedFileError(f"{path}: expected an object of sections, got {shown(sections)}")
    return Document(sections)


def expect(what: str, actual: object, expected: object) -> None:
    """Raise MismatchError unless both are equal."""
    if actual != expected:
        raise MismatchError(what, expected, actual)


def hold(what: str, *, condition: bool) -> None:
    """Raise MismatchError unless `condition` holds."""
    if not condition:
        raise MismatchError(what, "it to hold", "that it does not")


def shown(value: object) -> str:
    """A value for a message: bytes as hex, long ones cut."""
    text = value.hex() if isinstance(value, bytes) else repr(value)
    limit = 160
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def is_comment(name: str) -> bool:
    """Whether a name holds words for the reader and no vector."""
    return name.startswith("_") or name == "note"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)


def _is_key(text: str) -> bool:
    return len(text) == KEY_DIGITS and re.fullmatch("[0-9a-fA-F]+", text) is not None
