from __future__ import annotations

import pytest

from shared.format import items, members
from shared.format.errors import FieldError, MalformedError, MessageTooLargeError, SeqExhaustedError
from shared.format.scout1 import mailbox, messages, seal
from shared.format.scout1.mailbox import Mailbox

HEAD = b"h" * 20
KEY, NONCE = messages.message_key(b"s" * 32), b"n" * 24


def test_a_plain_body_holds_973_bytes_and_a_sealed_one_933() -> None:
    assert len(items.value_of(messages.frame(HEAD, b"b" * 973))) == 1000
    sealed = messages.seal_body(b"b" * 933, KEY, NONCE)
    assert len(items.value_of(messages.frame(HEAD, sealed))) == 1000
    with pytest.raises(MessageTooLargeError) as plain:
        messages.frame(HEAD, b"b" * 974)
    with pytest.raises(MessageTooLargeError) as over:
        messages.seal_body(b"b" * 934, KEY, NONCE)
    assert (plain.value.limit, over.value.limit) == (973, 933)


def test_a_sealed_body_opens_and_a_plain_one_is_taken_as_it_is() -> None:
    sealed = messages.seal_body(b"hello", KEY, NONCE)
    assert messages.open_body(sealed, KEY) == (b"hello", True)
    assert messages.open_body(b"hello", KEY) == (b"hello", False)
    assert messages.open_body(sealed, messages.message_key(b"t" * 32)) == (sealed, False)


def test_the_message_key_is_not_the_record_key() -> None:
    record_box = seal.seal(b"record", b"s" * 32, NONCE)
    assert messages.open_body(record_box, KEY) == (record_box, False)


def test_a_body_that_is_cut_off_leaves_the_list_to_follow() -> None:
    framed = messages.unframe(messages.frame(HEAD, b"body")[:-1])
    assert framed == messages.Framed(HEAD, b"", complete=False)


def test_a_message_without_a_header_is_malformed() -> None:
    with pytest.raises(MalformedError, match="at least 23"):
        messages.unframe(HEAD + b"\0\0")


def test_an_address_of_another_size_is_named() -> None:
    with pytest.raises(FieldError, match="20 bytes, got 19"):
        messages.frame(HEAD[:19], b"")


def test_mailboxes_have_ids_of_their_own() -> None:
    assert members.mailbox_id(0) == 2**31
    assert members.mailbox_id(2**31 - 1) == 2**32 - 1
    assert members.member_of(2**31 + 3) == 3
    assert members.member_of(2**31 - 1) is None
    for member in (-1, 2**31):
        with pytest.raises(FieldError, match=f"got {member}"):
            members.mailbox_id(member)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (HEAD + b"\0\0\0\7", Mailbox(HEAD, 7)),
        (HEAD + b"\0\0\0\7 and more", Mailbox(HEAD, 7)),
        (HEAD, Mailbox(HEAD, None)),
        (HEAD + b"\0\0\0", Mailbox(HEAD, None)),
        (HEAD + bytes(4), Mailbox(HEAD, None)),
        (bytes(20), Mailbox()),
        (bytes(24), Mailbox()),
    ],
)
def test_a_mailbox_reads_with_and_without_a_number(content: bytes, found: Mailbox) -> None:
    assert mailbox.parse(content) == found


def test_a_mailbox_shorter_than_a_head_is_malformed() -> None:
    with pytest.raises(MalformedError, match="20 bytes, got 19"):
        mailbox.parse(HEAD[:19])


def test_pushing_counts_from_1_and_never_invents_a_number() -> None:
    first = mailbox.push(Mailbox(), HEAD)
    assert mailbox.serialise(first) == HEAD + b"\0\0\0\1"
    unknown = mailbox.push(Mailbox(b"o" * 20, None), HEAD)
    assert mailbox.serialise(unknown) == HEAD
    with pytest.raises(SeqExhaustedError):
        mailbox.push(Mailbox(HEAD, 2**32 - 1), HEAD)


@pytest.mark.parametrize("wrong", [Mailbox(HEAD, -1), Mailbox(HEAD, 2**32), Mailbox(HEAD[:19], 1)])
def test_a_mailbox_that_does_not_fit_is_named(wrong: Mailbox) -> None:
    with pytest.raises(FieldError):
        mailbox.serialise(wrong)
