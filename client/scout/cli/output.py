"""What a command shows: tables and sentences for people, one JSON value for scripts.

Results go to standard output, everything else (progress, errors, hints) to standard error, so that pipes stay clean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scout.answers import StoringReport
from shared.json_bytes import encode_json

UNBOUNDED = 10_000
"""Columns of a pipe: nothing is cut off or wrapped there."""


class Output:
    """One command's voice; `as_json` turns every word for people off."""

    def __init__(self, *, as_json: bool) -> None:
        """Speak JSON, or to a person."""
        self.as_json = as_json
        # highlighting would colour digits in the middle of keys
        self._out = Console(highlight=False, soft_wrap=True)
        if not self._out.is_terminal:
            self._out.width = UNBOUNDED
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, value: Any, *lines: str) -> None:
        """Show a result: `value` to a script, `lines` (rich markup) to a person."""
        if self.as_json:
            self._json(value)
            return
        for line in lines:
            self._out.print(line)

    def table(self, value: Any, columns: Iterable[str], rows: Iterable[Iterable[str]], *, empty: str) -> None:
        """Show many things: `value` to a script; to a person a table, or the sentence `empty`."""
        if self.as_json:
            self._json(value)
            return
        table = Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self._out.print(table if table.row_count else empty)

    def say(self, *lines: str) -> None:
        """Tell a person something that is itself the result (rich markup); a script is not told."""
        if not self.as_json:
            for line in lines:
                self._out.print(line)

    def raw(self, content: bytes) -> None:
        """Write bytes to standard output as they are; a terminal gets its line ended."""
        self._out.file.flush()
        self._out.file.buffer.write(content + (b"\n" if self._out.is_terminal else b""))  # type: ignore[attr-defined]  # a text stream over bytes, as sys.stdout is
        self._out.file.flush()

    def note(self, line: str) -> None:
        """Tell a person something beside the result; a script is not told."""
        if not self.as_json:
            self._err.print(line)

    def failure(self, explained: dict[str, Any]) -> None:
        """Say what went wrong and what to do: one JSON object, or one or two lines."""
        if self.as_json:
            self._err.print(encode_json({"error": explained}).decode(), markup=False)
            return
        self._err.print(f"[red]{escape(explained['code'])}[/red]: {escape(explained['detail'])}")
        if explained["hint"]:
            self._err.print(escape(explained["hint"]))

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show a person that something is going on while the block runs; nothing without a terminal.

        What it gives changes the words.
        """
        if self.as_json or not self._err.is_terminal:
            yield lambda _: None
            return
        with self._err.status(what) as status:
            yield status.update

    def _json(self, value: Any) -> None:
        self._out.print(encode_json(value).decode(), markup=False)


def stored_by(report: StoringReport) -> str:
    """A storing report in a phrase."""
    phrase = f"stored by {report.stored} of {report.asked} nodes so far"
    if report.rejected:
        phrase += f", {sum(report.rejected.values())} refused"
    if report.timed_out:
        phrase += f", {report.timed_out} did not answer"
    return phrase


def text_of(content: bytes) -> str:
    """A content for a person's eyes: as text where it is text that can be printed, in hex otherwise."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"0x{content.hex()}"
    return text if text.isprintable() else f"0x{content.hex()}"
