"""`watch`: what changes on a link, as it changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.markup import escape

from scout.answers import Entry, Gap, Record
from scout.cli.context import invocation
from scout.cli.durations import seconds
from scout.cli.messages import span
from scout.cli.output import Output, text_of
from scout.cli.records import LinkName
from scout.watching import Event, MessageArrived, RecordChanged
from shared.format import devices, members
from shared.format.errors import FormatError

For = Annotated[int | None, typer.Option("--for", metavar="DURATION", parser=seconds, help="End after it: 30s, 5m …")]


def watch(
    context: typer.Context,
    link: LinkName,
    after: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on behind this event of an earlier watch.")
    ] = None,
    for_: For = None,
) -> None:
    """Show changes of the record and new messages as they come, until Ctrl-C."""
    at = invocation(context)

    async def follow() -> None:
        async with at.link(link, stays=True) as made:
            at.output.note("Watching. Ctrl-C ends it.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(for_):
                    await _show(made.watch(after), at.output)

    asyncio.run(follow())


async def _show(events: AsyncGenerator[Event, None], output: Output) -> None:
    """Show every event: to a script all of it, to a person what is new about it."""
    shown = _Shown()
    async with aclosing(events):
        async for event in events:
            match event:
                case RecordChanged():
                    value, lines = {"event": "record", "record": event.record}, shown.changes(event.record)
                case MessageArrived():
                    message = event.message
                    value, lines = {"event": "message", "message": message}, [_message(message.member, message.body)]
                case _:
                    value, lines = {"event": "gap", "gap": event.gap}, [_missing(event.gap)]
            output.result({"id": event.id, **value}, *lines)


@dataclass
class _Shown:
    """The record as a person knows it."""

    entries: Mapping[int, Entry] = field(default_factory=dict)
    begun: bool = False

    def changes(self, record: Record) -> list[str]:
        """What is new in a record, a line each; members' lists speak for themselves by their messages."""
        now = {entry.id: entry for entry in record.entries if members.member_of(entry.id) is None}
        lines = [
            f"[green]{'+' if id_ not in self.entries else '~'}[/green] {id_}: {escape(content_of(entry))}"
            for id_, entry in now.items()
            if id_ not in self.entries or self.entries[id_].value != entry.value
        ]
        lines += [f"[red]-[/red] {id_}" for id_ in self.entries if id_ not in now]
        if not self.begun and not lines:
            lines = ["Nothing in the record yet."]
        self.entries, self.begun = now, True
        return lines


def content_of(entry: Entry) -> str:
    """An entry for a person's eyes: as a device's name and addresses where it is one, else as it is."""
    try:
        device = devices.decode(bytes(entry.value))
        addresses = [devices.address_to_text(address) for address in device.addresses]
    except FormatError:
        return text_of(entry.value)
    said: list[Any] = [device.name, *addresses, text_of(device.data) if device.data else None]
    return " ".join(word for word in said if word) or text_of(entry.value)


def _message(member: int, body: bytes) -> str:
    return f"[bold]{member}>[/bold] {escape(text_of(body))}"


def _missing(gap: Gap) -> str:
    return f"[yellow]{gap.member}>[/yellow] message {span(gap)} can't be read: {escape(gap.error)}"
