from __future__ import annotations

import pytest

from shared.format import bep44, keys
from shared.format.errors import FieldError, LowOrderKeyError, SeqExhaustedError
from shared.format.scout2 import epochs, link, roots
from shared.format.scout2.epochs import EPOCH_S, Reading

MINE, THEIRS = b"m" * 32, b"t" * 32
ROOT = b"r" * 32
DAY_MS = 1000 * EPOCH_S


def test_both_ends_of_a_pair_share_a_root_and_differ_in_their_number() -> None:
    mine, theirs = keys.public_key(MINE), keys.public_key(THEIRS)
    (root, member), (same, other) = roots.of_pair(MINE, theirs), roots.of_pair(THEIRS, mine)
    assert root == same
    assert {member, other} == {0, 1}
    assert (member == 0) == (mine < theirs)


def test_keys_that_share_nothing_are_refused() -> None:
    with pytest.raises(LowOrderKeyError):
        roots.of_pair(MINE, bytes(32))
    with pytest.raises(FieldError, match="somebody else"):
        roots.of_pair(MINE, keys.public_key(MINE))
    with pytest.raises(FieldError, match="32 bytes, got 31"):
        roots.of_group(b"g" * 31)
    with pytest.raises(FieldError, match="empty"):
        roots.group_secret_of(b"", b"family")


def test_a_group_is_no_pair_with_the_same_bytes() -> None:
    assert roots.of_group(ROOT) != ROOT
    assert roots.of_group(ROOT) != roots.of_pair(MINE, keys.public_key(THEIRS))[0]


def test_each_epoch_and_each_purpose_has_keys_of_its_own() -> None:
    one, two = link.epoch_keys(ROOT, 1), link.epoch_keys(ROOT, 2)
    seen = [one.signing_key, one.seal_key, two.signing_key, two.seal_key, link.mail_key(ROOT), ROOT]
    assert len(set(seen)) == len(seen)
    assert one.target == bep44.mutable_target(one.public_key) != two.target


def test_secrets_stay_out_of_the_repr() -> None:
    derived = link.epoch_keys(ROOT, 1)
    assert "signing_key" not in repr(derived)
    assert "seal_key" not in repr(derived)


@pytest.mark.parametrize("epoch", [-1, epochs.MAX_EPOCH + 1])
def test_an_epoch_out_of_range_is_refused(epoch: int) -> None:
    with pytest.raises(FieldError, match="expected an epoch"):
        link.epoch_keys(ROOT, epoch)


def test_an_epoch_begins_where_the_one_before_ends() -> None:
    ahead = epochs.phase(ROOT)
    turn = epochs.began(ahead, 20_000)
    assert epochs.epoch_at(ahead, turn) == 20_000
    assert epochs.epoch_at(ahead, turn - 0.001) == 19_999
    assert epochs.began(ahead, 20_001) - turn == EPOCH_S


@pytest.mark.parametrize(
    ("since_turn", "also", "fallback"),
    [
        (0, (9,), None),
        (2 * 3600 - 1, (9,), None),
        (2 * 3600, (), 9),
        (EPOCH_S - 601, (), 9),
        (EPOCH_S - 600, (11,), 9),
        (EPOCH_S - 1, (11,), 9),
    ],
)
def test_the_neighbours_of_an_epoch_are_read_near_its_turns(
    since_turn: int, also: tuple[int, ...], fallback: int | None
) -> None:
    ahead = 3_000
    assert epochs.reading(ahead, epochs.began(ahead, 10) + since_turn) == Reading(10, also, fallback)


def test_before_the_first_epoch_there_is_none() -> None:
    assert epochs.reading(0, 5.0) == Reading(0, (), None)
    assert epochs.reading(0, 3 * 3600.0) == Reading(0, (), None)


def test_the_seq_rises_and_follows_the_clock() -> None:
    began_ms = 1000 * epochs.began(0, 3)
    assert epochs.next_seq((), 0, 3, began_ms) == 1
    assert epochs.next_seq((), 0, 3, began_ms + 500) == 501
    assert epochs.next_seq((501, 7), 0, 3, began_ms + 500) == 502
    assert epochs.next_seq((DAY_MS,), 0, 3, began_ms) == DAY_MS + 1
    assert epochs.next_seq((), 0, 3, began_ms - 5_000) == 1
    with pytest.raises(SeqExhaustedError):
        epochs.next_seq((bep44.MAX_SEQ,), 0, 3, began_ms)
