from __future__ import annotations

import msgspec
import pytest

from shared.format.errors import FieldError, MalformedError, MessageTooLargeError, SeqExhaustedError, UnsealError
from shared.format.scout2 import link, mailbox, messages
from shared.format.scout2.mailbox import Mailbox
from shared.format.scout2.messages import Message

HEAD, NONCE = b"h" * 20, b"n" * 24
MAIL_KEY = link.mail_key(b"r" * 32)
MESSAGE = Message(HEAD, 1, 2, 1_700_000_000_000, b"hello")


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def test_a_mailbox_says_what_it_has_and_what_it_received() -> None:
    box = mailbox.acknowledge(mailbox.push(Mailbox(), HEAD), 7, 3)
    assert mailbox.serialise(box) == packed([HEAD, 1, {7: 3}])
    assert mailbox.parse(mailbox.serialise(box)) == box
    assert mailbox.parse(packed([None, 0, {}])) == Mailbox()


def test_an_acknowledgement_is_never_taken_back() -> None:
    box = Mailbox(received={7: 3})
    assert mailbox.acknowledge(box, 7, 2) is box
    assert mailbox.acknowledge(box, 7, 4).received == {7: 4}
    assert mailbox.acknowledge(box, 8, 1).received == {7: 3, 8: 1}


def test_what_a_newer_writer_added_to_a_mailbox_survives() -> None:
    value = packed([HEAD, 1, {}, "new"])
    assert mailbox.serialise(mailbox.parse(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        [None, 0],
        [b"short", 0, {}],
        [None, -1, {}],
        [None, 2**32, {}],
        [None, 0, []],
        [None, 0, {"a": 1}],
        [None, 0, {2**31: 1}],
        [None, 0, {1: -1}],
        ["h" * 20, 0, {}],
    ],
)
def test_another_structure_is_no_mailbox(value: object) -> None:
    with pytest.raises(MalformedError, match="expected"):
        mailbox.parse(packed(value))


def test_a_mailbox_out_of_range_is_refused() -> None:
    for wrong in (Mailbox(head=b"short"), Mailbox(number=2**32), Mailbox(received={1: -1}), Mailbox(received={-1: 1})):
        with pytest.raises(FieldError):
            mailbox.serialise(wrong)
    with pytest.raises(SeqExhaustedError):
        mailbox.push(Mailbox(number=2**32 - 1), HEAD)


def test_a_message_opens_only_among_those_who_share_the_root() -> None:
    box = messages.seal_message(MESSAGE, MAIL_KEY, NONCE)
    assert messages.open_message(box, MAIL_KEY) == MESSAGE
    with pytest.raises(UnsealError):
        messages.open_message(box, link.mail_key(b"R" * 32))


def test_what_a_newer_writer_added_to_a_message_is_read() -> None:
    assert messages.parse(packed([None, 0, 1, 2, b"", {"re": 1}])).rest == (packed({"re": 1}),)


def test_a_body_of_893_bytes_fits_whatever_stands_before_it() -> None:
    widest = Message(HEAD, 2**31 - 1, 2**32 - 1, 2**64 - 1, b"b" * messages.MAX_BODY)
    assert len(messages.serialise(widest)) == 938
    with pytest.raises(MessageTooLargeError, match="at most 893 bytes of body in a message, got 894"):
        messages.serialise(widest._replace(body=b"b" * 894))


def test_the_first_messages_hold_a_little_more_and_the_limit_is_exact() -> None:
    first = Message(None, 0, 1, 1_700_000_000_000, b"b" * 1000)
    with pytest.raises(MessageTooLargeError) as caught:
        messages.serialise(first)
    assert len(messages.serialise(first._replace(body=b"b" * caught.value.limit))) == 938


@pytest.mark.parametrize(
    "wrong",
    [
        MESSAGE._replace(next=b"short"),
        MESSAGE._replace(member=-1),
        MESSAGE._replace(member=2**31),
        MESSAGE._replace(number=0),
        MESSAGE._replace(number=2**32),
        MESSAGE._replace(sent_at=-1),
        MESSAGE._replace(sent_at=2**64),
    ],
)
def test_a_message_out_of_range_is_refused(wrong: Message) -> None:
    with pytest.raises(FieldError):
        messages.serialise(wrong)


@pytest.mark.parametrize(
    "value",
    [
        7,
        [None, 0, 1, 2],
        [b"h", 0, 1, 2, b""],
        [None, 2**31, 1, 2, b""],
        [None, 0, 0, 2, b""],
        [None, 0, 1, 2, "text"],
        [None, 0, 1, -2, b""],
        [None, 0, 2**32, 2, b""],
        [0, 0, 1, 2, b""],
    ],
)
def test_another_structure_is_no_message(value: object) -> None:
    with pytest.raises(MalformedError, match="expected"):
        messages.parse(packed(value))
