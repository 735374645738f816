"""Both formats behind one port: what the use cases need to know of a record's content."""

from __future__ import annotations

from shared.contracts.crypto import FormatName
from shared.usecases.formats.ports import Format
from shared.usecases.formats.scout1 import Scout1
from shared.usecases.formats.scout2 import Scout2

_FORMATS: dict[FormatName, Format] = {"scout1": Scout1(), "scout2": Scout2()}


def format_of(name: FormatName) -> Format:
    """The format of this name."""
    return _FORMATS[name]
