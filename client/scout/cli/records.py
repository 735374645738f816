"""`announce`, `devices`, `sync`: the record of a link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from scout.answers import Written
from scout.cli.context import Invocation, invocation, run_with_link
from scout.cli.durations import Keep, lasts
from scout.cli.failures import CommandError
from scout.cli.output import stored_by, text_of
from scout.modes import Mode

LinkName = Annotated[str, typer.Argument(metavar="LINK", help="The link's name, as given to `scout link`.")]

DEVICE_BITS = 31
"""Entry ids below 2^31 are devices."""


def announce(
    context: typer.Context,
    link: LinkName,
    addresses: Annotated[list[str] | None, typer.Argument(metavar="HOST:PORT…", help="Where you are.")] = None,
    name: Annotated[str, typer.Option(help="What to call this device.")] = "",
    data: Annotated[str, typer.Option(help="Text of your own; @FILE for a file's content.")] = "",
    device: Annotated[int | None, typer.Option(min=0, help="This device's id; drawn once if not given.")] = None,
    keep: Keep = None,
) -> None:
    """Say where this device is."""
    at = invocation(context)
    if at.mode_of(link) is not Mode.MANAGED and any(address.startswith("auto:") for address in addresses or []):
        raise CommandError(
            "expected addresses: auto:PORT is for a service to fill in, and none is asked for that in this mode",
            hint="`scout doctor` says which address others see.",
        )
    id_ = device if device is not None else _own_device(at)
    content = content_from(data)
    written = run_with_link(
        at, link, "Announcing", lambda made: made.announce(id_, addresses or [], name=name, data=content, keep=keep)
    )
    at.output.result(
        {
            "device": id_,
            "seq": written.seq,
            "storing": written.storing,
            "kept_until": written.kept_until,
            "keep_error": written.keep_error,
        },
        f"Device {id_} announced: {stored_by(written.storing)}, {lasts(written, at.mode_of(link))}.",
    )


def devices(context: typer.Context, link: LinkName) -> None:
    """Show the devices in the record, and where they are."""
    at = invocation(context)
    found = run_with_link(at, link, "Looking", lambda made: made.devices())
    at.output.table(
        {"devices": found},
        ("Device", "Name", "Addresses", "Data"),
        ((str(device.id), device.name, " ".join(device.addresses), text_of(device.data)) for device in found),
        empty="Nobody has announced a device yet.",
    )


def sync(
    context: typer.Context,
    link: LinkName,
    put: Annotated[
        list[str] | None, typer.Option("--set", metavar="ID=TEXT", help="Set an entry; ID=@FILE for a file's content.")
    ] = None,
    remove: Annotated[list[int] | None, typer.Option(metavar="ID", min=0, help="Take an entry out.")] = None,
    keep: Keep = None,
) -> None:
    """Synchronise the record's raw entries: read, merge what --set and --remove say, write."""
    at = invocation(context)
    entries = dict(_assignment(text) for text in put or [])
    written: Written = run_with_link(
        at, link, "Synchronising", lambda made: made.sync(entries, remove=remove or [], keep=keep)
    )
    what = (
        f"{stored_by(written.storing)}, {lasts(written, at.mode_of(link))}"
        if written.written
        else "all was stored already"
    )
    at.output.note(f"Record at seq {written.seq}: {what}.")
    at.output.table(
        written,
        ("Entry", "Content"),
        ((str(entry.id), text_of(entry.value)) for entry in written.entries),
        empty="The record is empty.",
    )


def content_from(text: str) -> bytes:
    """An option's content: its text, or a file's bytes for `@FILE`. Raises CommandError."""
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise CommandError(f"can't read {text[1:]}: {error.strerror}") from error


def _assignment(text: str) -> tuple[int, bytes]:
    id_, equals, content = text.partition("=")
    if not equals or not id_.isdigit():
        raise CommandError(f"expected ID=TEXT with a number for ID, got {text[:80]!r}")
    return int(id_), content_from(content)


def _own_device(at: Invocation) -> int:
    """This home's device id, drawn when it is first needed."""
    profile = at.profile()
    if profile.device is not None:
        return profile.device
    drawn = int.from_bytes(os.urandom(4), "big") >> (32 - DEVICE_BITS)
    at.remember(msgspec.structs.replace(profile, device=drawn))
    return drawn
