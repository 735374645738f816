"""Receipts give way to everything else: where a record would be too large, those that tell the least are left out.

The mailboxes of 16 members leave 117 to 181 of a scout2 record's 938 bytes, by how many digits their numbers have; but
16 members who have all received something of each other have 240 receipts of 2 to 10 bytes. A receipt left out loses
nothing: the sender keeps its messages for longer, at the most as long as it asked for.

A sender stops keeping only what *all* others have received. So receipts are gathered for one sender after the other,
instead of some for each: those of whom most members have received everything keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from shared.format import members
from shared.format.errors import RecordFullError
from shared.usecases.formats.ports import Content, Entries, Entry, Format, Mailbox
from shared.usecases.receipts import of_all


class _Receipt(NamedTuple):
    """One that may be left out."""

    use: tuple[int, int, int, int]
    """The lowest goes first."""
    reader: int
    sender: int


def within_limit(rules: Format, content: Content, before: Entries, writer: int) -> Content:
    """`content` as it fits into a record, with fewer receipts if need be. Raises FormatError (RecordFullError, …).

    `before` is what the record held until now: a mailbox that was not changed yet gets a seq above the one it had.
    `writer` is the member who writes.
    """
    try:
        rules.serialise(content)
    except RecordFullError:
        content = content._replace(entries=_thinned(rules, content, before, writer))
        rules.serialise(content)
    return content


def _thinned(rules: Format, content: Content, before: Entries, writer: int) -> Entries:
    boxes = {
        member: box
        for entry in content.entries
        if (member := members.member_of(entry.id)) is not None
        and entry.content is not None
        and (box := rules.mailbox(entry)) is not None
    }
    over = rules.size(content) - rules.max_plaintext
    thinner: dict[int, Mailbox] = {}
    for receipt in sorted(_receipts(boxes, of_all(rules, content.entries, writer), writer)):
        if over <= 0:
            break
        box = thinner.get(receipt.reader, boxes[receipt.reader])
        received = {member: number for member, number in box.received.items() if member != receipt.sender}
        thinner[receipt.reader] = replace(box, received=received)
        over -= _size(rules, box) - _size(rules, thinner[receipt.reader])
    seqs = {entry.id: entry.seq for entry in before}
    # no merge: of two entries of one seq it would take the one with more receipts
    return tuple(
        _rewritten(rules, entry, thinner[member], seqs.get(entry.id))
        if (member := members.member_of(entry.id)) is not None and member in thinner
        else entry
        for entry in content.entries
    )


def _receipts(boxes: dict[int, Mailbox], spent: int, writer: int) -> Iterator[_Receipt]:
    """Every receipt, and of what use it is. The writer has seen those of its own list: up to `spent` they are done."""
    received_all = {
        sender: sum(other.received.get(sender, 0) >= (box.number or 0) for other in boxes.values())
        for sender, box in boxes.items()
    }
    for reader, box in boxes.items():
        for sender, number in box.received.items():
            is_news = number > 0 and sender in boxes
            is_done = sender == writer and number <= spent
            use = (is_news, not is_done, received_all.get(sender, 0), -sender)
            yield _Receipt(use, reader, sender)


def _rewritten(rules: Format, entry: Entry, box: Mailbox, seq: int | None) -> Entry:
    """The entry with another mailbox in it, newer than the one that had `seq`."""
    changed = rules.holding(entry, rules.mailbox_content(box).content)
    return rules.raised(changed, entry.seq if seq is None else max(entry.seq, seq + 1))


def _size(rules: Format, box: Mailbox) -> int:
    return len(rules.mailbox_content(box).content)
