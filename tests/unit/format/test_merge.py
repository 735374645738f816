from __future__ import annotations

import pytest

from shared.format.errors import SeqExhaustedError
from shared.format.scout1.merge import change, merge, remove
from shared.format.scout1.record import Entry

A1, A2, A2_LARGER, B1 = Entry(1, 1, b"zz"), Entry(1, 2, b"a"), Entry(1, 2, b"ab"), Entry(2, 1, b"b")


def test_the_higher_seq_wins_whatever_its_content() -> None:
    assert merge([A1, B1], [A2]) == (A2, B1)


def test_on_a_tie_the_larger_content_wins_on_both_sides() -> None:
    assert merge([A2], [A2_LARGER]) == merge([A2_LARGER], [A2]) == (A2_LARGER,)


def test_repeated_ids_in_one_version_become_one() -> None:
    assert merge([A2, A1]) == (A2,)


def test_entries_come_out_in_ascending_order_of_id() -> None:
    assert [entry.id for entry in merge([Entry(9, 1, b""), Entry(2**32 - 1, 1, b""), Entry(0, 1, b"")])] == [
        0,
        9,
        2**32 - 1,
    ]


def test_a_first_content_has_seq_1_and_a_changed_one_the_next() -> None:
    entries = change([], 5, b"one")
    assert entries == (Entry(5, 1, b"one"),)
    assert change(entries, 5, b"two") == (Entry(5, 2, b"two"),)


def test_the_same_content_changes_nothing() -> None:
    assert change([A2, B1], 1, b"a") == (A2, B1)


def test_a_seq_at_its_end_is_named() -> None:
    with pytest.raises(SeqExhaustedError, match="entry 1"):
        change([Entry(1, 2**63 - 1, b"poison")], 1, b"cure")


def test_a_removed_entry_is_left_out_and_comes_back_with_an_older_version() -> None:
    left = remove([A2, B1], {1})
    assert left == (B1,)
    assert merge(left, [A2, B1]) == (A2, B1)
