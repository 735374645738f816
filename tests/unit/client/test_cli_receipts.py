from __future__ import annotations

from scout.answers import Gap, Inbox, More, ReceivedMessage
from scout.cli.receipts import received_without_gaps
from shared.json_bytes import Blob, Hex


def message(member: int, number: int | None) -> ReceivedMessage:
    return ReceivedMessage(member=member, number=number, body=Blob(b"x"), sealed=True, target=Hex(bytes(20)))


def test_all_that_was_read_is_received() -> None:
    assert received_without_gaps(Inbox(messages=[message(1, 4), message(1, 5), message(2, 1)])) == {1: 5, 2: 1}
    assert received_without_gaps(Inbox(messages=[])) == {}


def test_nothing_behind_a_gap_is_received() -> None:
    read = [message(1, 1), message(1, 4), message(2, 2), message(3, 9), message(4, 2)]
    gaps = [Gap(member=1, first=2, last=3, error="gone"), Gap(member=2, first=1, last=1, error="gone")]
    unknown = Gap(member=3, first=None, last=None, error="gone")
    assert received_without_gaps(Inbox(messages=read, gaps=[*gaps, unknown])) == {1: 1, 4: 2}


def test_older_messages_that_were_not_read_are_not_received() -> None:
    more = [More(member=1, number=3, cursor="1.3.x")]
    assert received_without_gaps(Inbox(messages=[message(1, 4), message(2, 1)], more=more)) == {2: 1}


def test_messages_that_do_not_count_are_left_out() -> None:
    assert received_without_gaps(Inbox(messages=[message(1, None)])) == {}
