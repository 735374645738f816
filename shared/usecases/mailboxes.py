"""The members' mailboxes among a record's entries, and the messages that they lead to."""

from __future__ import annotations

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.format import members
from shared.usecases.formats.ports import Entries, Format, Mailbox
from shared.usecases.ports import Ports
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


async def fetch(ports: Ports, place: Place, target: bytes, context: CallContext) -> crypto.OpenedMessage | None:
    """The message at an address (20 bytes), opened; None when no node that answered holds it."""
    reply = await ports.dht.get_immutable(dht.GetImmutable(target=target), context)
    if reply.value is None:
        return None
    request = crypto.OpenMessages(link=place.link, values=[reply.value])
    (opened,) = (await ports.crypto.open_messages(request, context)).messages
    return opened
