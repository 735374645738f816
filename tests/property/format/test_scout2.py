from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.format.errors import FormatError, MalformedError
from shared.format.scout2 import link, mailbox, merge, messages, record, seal
from shared.format.scout2.record import Entry, Record

ROOTS, NONCES = st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24)
KEYS = link.epoch_keys(b"r" * 32, 20_000)
RESTS = st.lists(st.sampled_from([b"\x01", b"\xc0", b"\xa1a"]), max_size=1).map(tuple)
# few ids, stamps and values, so that versions meet and tie
CLOSE_ENTRIES = st.builds(
    Entry, st.integers(0, 3), st.integers(0, 2), st.integers(0, 1), st.none() | st.binary(max_size=1), RESTS
)
METAS = st.dictionaries(st.sampled_from([b"\x01", b"\x02"]), st.sampled_from([b"\x03", b"\x04"])).map(
    lambda meta: tuple(sorted(meta.items()))
)
VERSIONS = st.builds(lambda entries, meta: merge.merge(Record(tuple(entries), meta)), st.lists(CLOSE_ENTRIES), METAS)
ENTRIES = st.builds(
    Entry,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.none() | st.binary(max_size=200),
    RESTS,
)


@given(VERSIONS, VERSIONS)
def test_merge_is_commutative(a: Record, b: Record) -> None:
    assert merge.merge(a, b) == merge.merge(b, a)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_merge_is_associative(a: Record, b: Record, c: Record) -> None:
    assert merge.merge(merge.merge(a, b), c) == merge.merge(a, merge.merge(b, c)) == merge.merge(a, b, c)


@given(VERSIONS)
def test_merge_is_idempotent(a: Record) -> None:
    assert merge.merge(a, a) == merge.merge(a) == a


@given(VERSIONS, st.integers(0, 3), st.binary(max_size=2), st.integers(0, 4))
def test_a_change_stands_against_all_that_it_was_made_from(a: Record, entry_id: int, value: bytes, now: int) -> None:
    changed = merge.change(a.entries, entry_id, value, 9, now)
    assert merge.merge_entries(changed, a.entries) == changed
    assert next(entry for entry in changed if entry.id == entry_id).value == value


@given(VERSIONS, st.sets(st.integers(0, 3)), st.integers(0, 4))
def test_a_removal_stands_against_all_that_it_was_made_from(a: Record, ids: set[int], now: int) -> None:
    removed = merge.remove(a.entries, ids, now)
    assert merge.merge_entries(removed, a.entries) == removed
    assert all(entry.value is None for entry in removed if entry.id in ids)
    assert [entry for entry in removed if entry.id not in ids] == [e for e in a.entries if e.id not in ids]


@given(st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry.id), METAS, NONCES, st.integers(1, 2**63 - 1))
def test_a_record_opens_as_it_was_sealed(
    entries: list[Entry], meta: tuple[tuple[bytes, bytes], ...], nonce: bytes, seq: int
) -> None:
    content = Record(tuple(sorted(entries)), meta)
    assert record.open_record(record.seal_record(content, KEYS, seq, nonce), KEYS, seq) == content


@given(st.binary(max_size=1000), st.sampled_from(seal.BOX_SIZES))
def test_any_bytes_are_refused_in_words(data: bytes, size: int) -> None:
    for box in (data, (b"\x02" + data).ljust(size, b"\0")[:size]):
        try:
            record.open_record(box, KEYS, 1)
        except FormatError as error:
            assert str(error).startswith("expected")  # noqa: PT017  # it must not have opened either
        else:
            raise AssertionError("a box that nobody sealed")


@given(st.binary(max_size=938))
def test_any_plaintext_reads_back_the_same_or_is_malformed(data: bytes) -> None:
    for module in (record, mailbox, messages):
        with contextlib.suppress(MalformedError):
            content: Any = module.parse(data)
            assert module.parse(module.serialise(content)) == content


@given(st.integers(0, 938), NONCES)
def test_sizes_say_nothing_but_which_of_three(size: int, nonce: bytes) -> None:
    assert len(seal.seal(bytes(size), KEYS.seal_key, b"", nonce)) in {252, 508, 996}
