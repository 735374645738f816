"""`send`, `inbox`: messages for those who are away. `put`, `get`: byte strings for anybody who knows their hash."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from scout.answers import Gap
from scout.cli.context import invocation, run_with_client, run_with_link
from scout.cli.durations import Keep, lasts
from scout.cli.failures import CommandError
from scout.cli.output import stored_by, text_of
from scout.cli.records import LinkName, content_from

_HASH = re.compile(r"[0-9a-fA-F]{40}")

Text = Annotated[
    str, typer.Argument(metavar="TEXT", help="The text; - for standard input, @FILE for a file's content.")
]


def send(
    context: typer.Context,
    link: LinkName,
    text: Text = "-",
    seal: Annotated[bool, typer.Option(help="Seal it; --no-seal for peers that run the original.")] = True,
    keep: Keep = None,
) -> None:
    """Leave a message for the other members of a link."""
    at = invocation(context)
    body = _body(text)
    sent = run_with_link(at, link, "Sending", lambda made: made.send(body, seal=seal, keep=keep))
    which = "Message" if sent.number is None else f"Message {sent.number}"
    at.output.result(sent, f"{which} left: {stored_by(sent.storing)}, {lasts(sent, at.mode_of(link))}.")


def inbox(
    context: typer.Context,
    link: LinkName,
    after: Annotated[int | None, typer.Option(min=0, help="Only messages with a higher number.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Read on where an earlier call stopped.")] = None,
) -> None:
    """Read the other members' messages, oldest first."""
    at = invocation(context)
    found = run_with_link(at, link, "Looking", lambda made: made.messages(after, limit=limit, cursor=cursor))
    at.output.table(
        found,
        ("Number", "Message", ""),
        (
            (_number(message.number), text_of(message.body), "" if message.sealed else "not sealed")
            for message in found.messages
        ),
        empty="No messages.",
    )
    for receipt in found.received:
        at.output.note(f"Member {receipt.member} has received your messages up to {receipt.number}.")
    for gap in found.gaps:
        at.output.note(f"Member {gap.member}: message {span(gap)} can't be read: {escape(gap.error)}")
    for more in found.more:
        at.output.note(f"Member {more.member} has older ones: `scout inbox {link} --cursor {more.cursor}`")


def put(context: typer.Context, text: Text = "-", keep: Keep = None) -> None:
    """Store a byte string in the DHT, in the open, and show its hash."""
    at = invocation(context)
    value = _body(text)
    stored = run_with_client(at, "Storing", lambda client: client.put_item(value, keep=keep))
    at.output.result(stored, f"[bold]{stored.hash.hex()}[/bold]")
    at.output.note(f"Item {stored_by(stored.storing)}, {lasts(stored, at.mode_of())}.")


def get(
    context: typer.Context,
    hash_: Annotated[str, typer.Argument(metavar="HASH", help="40 hex digits, as `scout put` showed them.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of to the output.")] = None,
) -> None:
    """Fetch a byte string from the DHT by its hash."""
    at = invocation(context)
    if not _HASH.fullmatch(hash_):
        raise CommandError(f"expected a hash of 40 hex digits, got {hash_[:80]!r}")
    value = run_with_client(at, "Looking", lambda client: client.get_item(hash_.lower()))
    if out is not None:
        _write(out, value)
        at.output.result({"file": str(out), "bytes": len(value)}, f"{len(value)} bytes in {out}.")
    elif at.output.as_json:
        at.output.result({"hash": hash_, "text": text_of(value), "hex": value.hex()})
    else:
        at.output.raw(value)


def _number(number: int | None) -> str:
    """A message's number; a dash where nobody knows it, as in an original client's list."""
    return "-" if number is None else str(number)


def span(gap: Gap) -> str:
    """Which messages a gap holds."""
    first, last = _number(gap.first), _number(gap.last)
    return first if first == last else f"{first} to {last}"


def _body(text: str) -> bytes:
    return sys.stdin.buffer.read() if text == "-" else content_from(text)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"can't write {path}: {error.strerror}") from error
