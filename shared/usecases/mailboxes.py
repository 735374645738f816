"""The members' mailboxes among a record's entries."""

from __future__ import annotations

from shared.format import members
from shared.usecases.formats.ports import Entries, Format, Mailbox
from shared.usecases.records import Place


def mailboxes(rules: Format, entries: Entries) -> dict[int, Mailbox | None]:
    """The lists in a record by member; None for an entry in their range that is no mailbox."""
    found: dict[int, Mailbox | None] = {}
    for entry in entries:
        member = members.member_of(entry.id)
        if member is not None:
            found[member] = rules.mailbox(entry)
    return found


def own_mailbox(place: Place, entries: Entries) -> Mailbox:
    """The mailbox of the caller's member; what is no mailbox in its place counts as an empty one."""
    return mailboxes(place.format, entries).get(place.member) or Mailbox()
