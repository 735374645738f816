"""`ack`: say what has been received, so that its senders stop keeping it."""

from __future__ import annotations

from typing import Annotated

import typer

from scout.alike import LinkLike
from scout.answers import Inbox, Written
from scout.cli.context import invocation, run_with_link
from scout.cli.durations import Keep, lasts
from scout.cli.failures import CommandError
from scout.cli.output import stored_by
from scout.cli.records import LinkName


def ack(
    context: typer.Context,
    link: LinkName,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="NUMBER", min=0, help="Up to this message, 0 for none yet; without it, all that can be read."
        ),
    ] = None,
    member: Annotated[int | None, typer.Option(min=0, help="Of this member; needed where several write.")] = None,
    keep: Keep = None,
) -> None:
    """Say that messages were received, so that their senders stop keeping them. They may be gone from then on."""
    at = invocation(context)

    async def work(made: LinkLike) -> tuple[dict[int, int], Written | None]:
        received = await _received(made, number, member)
        return received, await made.acknowledge(received, keep=keep) if received else None

    received, written = run_with_link(at, link, "Acknowledging", work)
    value = {"received": [{"member": one, "number": last} for one, last in received.items()]}
    if written is None:
        at.output.result(value | {"seq": None, "storing": None}, "There is nothing to acknowledge.")
        return
    what = f"{stored_by(written.storing)}, {lasts(written, at.mode_of(link))}" if written.written else "said before"
    at.output.result(
        value | {"seq": written.seq, "storing": written.storing},
        *(f"Received of member {one}: all up to message {last}." for one, last in received.items()),
        f"Receipt: {what}.",
    )


async def _received(made: LinkLike, number: int | None, member: int | None) -> dict[int, int]:
    """Member -> the number up to which to acknowledge. Raises CommandError."""
    if number is not None and member is not None:
        return {member: number}
    readable = {
        one: last for one, last in received_without_gaps(await made.messages()).items() if member in {None, one}
    }
    if number is None:
        return readable
    if len(readable) != 1:
        raise CommandError(f"expected --member: {len(readable) or 'no'} members have left messages that can be read")
    return dict.fromkeys(readable, number)


def received_without_gaps(inbox: Inbox) -> dict[int, int]:
    """Member -> the highest number below which nothing of that member's is missing from an inbox.

    A member with older messages that the inbox does not hold is left out: to acknowledge a message is to acknowledge
    all before it.
    """
    unread = {more.member for more in inbox.more}
    received: dict[int, int] = {}
    for message in inbox.messages:
        if message.number is not None and message.member not in unread:
            received[message.member] = max(message.number, received.get(message.member, 0))
    for gap in inbox.gaps:
        if gap.member in received:
            received[gap.member] = min(received[gap.member], (gap.first or 1) - 1)
    return {member: number for member, number in received.items() if number > 0}
