from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from shared.format import devices, items, keys
from shared.format.devices import Device, ForeignContentError
from shared.format.errors import FieldError, FormatError, LowOrderKeyError, MalformedError
from shared.format.scout1 import mailbox, messages, record, seal
from shared.format.scout1.mailbox import Mailbox
from shared.format.scout1.merge import change, merge
from shared.format.scout1.record import Entry

KEYS, NONCES = st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24)
HEADS = st.binary(min_size=20, max_size=20)
# few ids, seqs and contents, so that versions meet and tie
CLOSE_ENTRIES = st.builds(Entry, st.integers(0, 3), st.integers(-1, 2), st.binary(max_size=2))
VERSIONS = st.lists(CLOSE_ENTRIES, max_size=6)
ENTRIES = st.builds(
    Entry, st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=record.MAX_CONTENT)
)


@given(VERSIONS, VERSIONS)
def test_merge_is_commutative(a: list[Entry], b: list[Entry]) -> None:
    assert merge(a, b) == merge(b, a)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_merge_is_associative(a: list[Entry], b: list[Entry], c: list[Entry]) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(a, b, c)


@given(VERSIONS)
def test_merge_is_idempotent(a: list[Entry]) -> None:
    once = merge(a)
    assert merge(once, once) == merge(once) == merge(a, a) == once


@given(VERSIONS, st.integers(0, 3), st.binary(max_size=2))
def test_a_change_stands_against_all_that_it_was_made_from(a: list[Entry], entry_id: int, content: bytes) -> None:
    changed = change(a, entry_id, content)
    assert merge(changed, a) == changed
    assert next(entry for entry in changed if entry.id == entry_id).content == content


@given(st.lists(ENTRIES, max_size=3))
def test_a_record_reads_back_as_written(entries: list[Entry]) -> None:
    assert record.parse(record.serialise(entries)) == tuple(entries)


@given(st.binary(max_size=1200))
def test_any_bytes_are_a_record_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        entries = record.parse(data)
        assert len(entries) == data[0]
        assert record.size(entries) <= len(data)


@given(st.binary(max_size=record.MAX_PLAINTEXT), KEYS, NONCES)
def test_what_is_sealed_opens(plaintext: bytes, key: bytes, nonce: bytes) -> None:
    assert seal.unseal(items.content_of(items.value_of(seal.seal_record(plaintext, key, nonce))), key) == plaintext


@given(st.binary(max_size=1100), KEYS)
def test_any_bytes_open_or_are_refused_with_our_error(data: bytes, key: bytes) -> None:
    for read in (lambda: seal.unseal(data, key), lambda: items.content_of(data), lambda: mailbox.parse(data)):
        with contextlib.suppress(FormatError):
            read()
    assert messages.open_body(data, key) == (data, False)


@given(st.binary(max_size=1100))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        framed = messages.unframe(data)
        assert framed.next == data[:20]
        assert framed.body in data


@given(HEADS, st.binary(max_size=messages.MAX_BODY))
def test_a_message_reads_back_as_written(next_head: bytes, body: bytes) -> None:
    assert messages.unframe(messages.frame(next_head, body)) == messages.Framed(next_head, body, complete=True)


@given(HEADS, st.integers(1, 2**32 - 1) | st.none())
def test_a_mailbox_reads_back_as_written(head: bytes, number: int | None) -> None:
    found = mailbox.parse(mailbox.serialise(Mailbox(head, number)))
    assert found == Mailbox(head, 0 if number is None and head == messages.EMPTY_HEAD else number)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_device_or_foreign(data: bytes) -> None:
    with contextlib.suppress(ForeignContentError):
        found = devices.decode(data)
        assert devices.decode(devices.encode(found)) == found


@given(
    st.lists(st.binary(min_size=6, max_size=6) | st.binary(min_size=18, max_size=18), max_size=4),
    st.text(max_size=20) | st.none(),
    st.binary(max_size=50) | st.none(),
)
def test_a_device_reads_back_as_written(addresses: list[bytes], name: str | None, data: bytes | None) -> None:
    device = Device(tuple(addresses), name, data)
    assert devices.decode(devices.encode(device)) == device


@given(st.text(max_size=60) | st.from_regex(r"\[?[0-9a-f:.]{1,20}\]?:[0-9]{0,6}", fullmatch=True))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(FieldError):
        compact = devices.address_from_text(text)
        assert devices.address_from_text(devices.address_to_text(compact)) == compact


@given(KEYS, KEYS)
def test_any_public_key_gives_a_common_secret_or_is_of_low_order(secret: bytes, public: bytes) -> None:
    with contextlib.suppress(LowOrderKeyError):
        assert any(keys.exchange(secret, public))
