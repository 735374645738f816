"""What members say they have received of each other's messages, in their own mailboxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.usecases.changes import Scope
from shared.usecases.formats.ports import Entries, Format
from shared.usecases.mailboxes import mailboxes, own_mailbox
from shared.usecases.records import Place


@dataclass(frozen=True, slots=True)
class _Acknowledgement:
    """The change that says how far its writer has received the others' lists. Applied again it is the same."""

    place: Place
    received: Mapping[int, int]

    async def apply(self, entries: Entries, scope: Scope) -> Entries:
        """`entries` with what was received; nothing that was said before is taken back."""
        box = own_mailbox(self.place, entries)
        news = {member: number for member, number in self.received.items() if number > box.received.get(member, -1)}
        if not news:
            return entries
        wanted = scope.format.mailbox_content(replace(box, received={**box.received, **news}))
        entry_id = members.mailbox_id(self.place.member)
        return scope.format.change(entries, wanted._replace(id=entry_id), scope.now_ms)


def acknowledgement(place: Place, received: Mapping[int, int]) -> _Acknowledgement:
    """The change that says: of each of these members, messages up to this number have been received.

    Raises ScoutError (`invalid_request`) where the format has no room for it, and for one's own list.
    """
    if not place.format.reports_receipt:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, f"Expected a link of scout2: {place.format.name} has no room for receipts."
        )
    if place.member in received:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, f"Expected other members than yourself, who are member {place.member}."
        )
    return _Acknowledgement(place, received)


def of_mine(place: Place, entries: Entries) -> dict[int, int]:
    """How far each other member has received the caller's list; members who said nothing of it are left out."""
    found = {}
    for member, box in mailboxes(place.format, entries).items():
        number = box.received.get(place.member) if box is not None and member != place.member else None
        if number is not None:
            found[member] = number
    return found


def of_all(rules: Format, entries: Entries, sender: int) -> int:
    """The number up to which every other member has received the sender's list; 0 when somebody has received nothing.

    A member is whoever has a mailbox. One that can't be read has said nothing; one that was removed is no member any
    more. With nobody there, nobody has received anything.
    """
    said = []
    for entry in entries:
        member = members.member_of(entry.id)
        if member is None or member == sender or entry.content is None:
            continue
        box = rules.mailbox(entry)
        said.append(0 if box is None else box.received.get(sender, 0))
    return min(said, default=0)
