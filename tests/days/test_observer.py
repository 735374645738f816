"""Ten days of two pairs, as the storing nodes see them: nothing there tells one day, or one pair, from another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import scout
from shared.format import bep44
from shared.format.errors import FormatError
from shared.format.items import content_of
from shared.format.scout2 import link, messages, roots
from tests.support.days import BEGIN_S, DAY_S, HOUR_S, Days
from tests.support.witness import (
    CHI_SQUARE_MAX,
    Seen,
    chi_square,
    chi_square_between,
    fixed_places,
    repeated_windows,
    witness,
)

SECRETS = (b"\x71" * 32, b"\x72" * 32)
DAYS = 10
DAY_MS = 1000 * DAY_S
SIZES = {256, 512, 1000}
"""Of bencoded values."""
BODIES = (b"on my way", b"a" * 300, b"b" * 850)
VERSION = 2
AnyLink = scout.Link | scout.LocalLink


class Record(NamedTuple):
    """A version of a pair's record that a node took, and what nobody but its holders knows of it."""

    pair: int
    epoch: int
    seen: Seen


class Sorted(NamedTuple):
    """All that was seen, by whose it is."""

    records: list[Record]
    messages: dict[int, list[Seen]]
    """Pair -> its messages."""
    others: list[Seen]
    """The cluster's own."""


def sort(taken: Iterable[Seen]) -> Sorted:
    """Find out whose each item is, with the secrets of both pairs."""
    keys = [roots.of_group(secret) for secret in SECRETS]
    owners = {
        link.epoch_keys(root, epoch).public_key: (pair, epoch)
        for pair, root in enumerate(keys)
        for epoch in range(BEGIN_S // DAY_S - 1, BEGIN_S // DAY_S + DAYS + 4)
    }
    found = Sorted([], {0: [], 1: []}, [])
    for seen in taken:
        if seen.item.public_key in owners:
            found.records.append(Record(*owners[seen.item.public_key], seen))
        else:
            pair = next((pair for pair, root in enumerate(keys) if is_message_of(root, seen)), None)
            (found.others if pair is None else found.messages[pair]).append(seen)
    return found


def is_message_of(root: bytes, seen: Seen) -> bool:
    try:
        messages.open_message(content_of(seen.item.value), link.mail_key(root))
    except FormatError:
        return False
    return True


def boxes(seen: Iterable[Seen]) -> list[bytes]:
    """What is in the values, behind the version byte that all have."""
    contents = [content_of(one.item.value) for one in seen]
    assert {content[0] for content in contents} == {VERSION}
    return [content[1:] for content in contents]


def of_pair(found: Sorted, pair: int) -> list[Seen]:
    return [record.seen for record in found.records if record.pair == pair] + found.messages[pair]


async def live(days: Days, members: Iterable[list[AnyLink]]) -> None:
    """Ten days on which every member of both pairs syncs, and one of them writes to the other."""
    for day in range(DAYS):
        await days.until(BEGIN_S + day * DAY_S + HOUR_S)
        for pair in members:
            for number, member in enumerate(pair):
                await member.announce(number, [f"198.51.100.{number}:443"], name=f"device {number}")
            await pair[day % 2].send(BODIES[day % len(BODIES)], keep=2 * DAY_S)


async def ten_days(days: Days) -> Sorted:
    """What was seen of them."""
    managed, blind, session = await days.managed(), await days.blind(), await days.session()
    one, other = SECRETS
    pairs: list[list[AnyLink]] = [
        [await managed.link_from_secret(one, 0), await blind.link_from_secret(one, 1)],
        [await session.link_from_secret(other, 0), await managed.link_from_secret(other, 1)],
    ]
    with witness() as taken:
        await live(days, pairs)
    return sort(taken)


async def test_ten_days_of_two_pairs_show_nodes_nothing_but_addresses(days: Days) -> None:
    found = await ten_days(days)
    assert {len(seen.item.value) for seen in found.others} <= SIZES, "the cluster's own item looks like all others"
    for pair in (0, 1):
        assert len({record.epoch for record in found.records if record.pair == pair}) >= DAYS
        assert len(found.messages[pair]) == DAYS
    assert_nothing_repeats(found)
    assert_bytes_say_nothing(found)
    assert_seqs_lead_nowhere(found.records)


def assert_nothing_repeats(found: Sorted) -> None:
    """No key, target or value of one epoch is seen in another one, or with the other pair.

    Whose a record is was told by its key: had two epochs one key, fewer epochs than days would have been seen.
    """
    by_epoch: dict[tuple[int, int], list[Seen]] = {}
    for record in found.records:
        by_epoch.setdefault((record.pair, record.epoch), []).append(record.seen)
    texts = Counter(text for epoch in by_epoch.values() for text in {what for seen in epoch for what in traces(seen)})
    assert texts
    assert [text.hex() for text, count in texts.items() if count > 1] == []
    sent = [seen for pair in found.messages.values() for seen in pair]
    assert len({seen.target for seen in sent}) == len({seen.item.value for seen in sent}) == len(sent)
    for record in found.records:
        assert record.seen.target == bep44.mutable_target(record.seen.item.public_key or b""), "no salt"


def traces(seen: Seen) -> tuple[bytes, ...]:
    """What could give an item away: key, target, value, and the half of a signature that is drawn for it alone."""
    return seen.item.public_key or b"", seen.target, seen.item.value, seen.item.signature[:32]


def assert_bytes_say_nothing(found: Sorted) -> None:
    """Sizes are three; behind the version all bytes are as random as dice, and those of both pairs alike."""
    one, other = of_pair(found, 0), of_pair(found, 1)
    assert {len(seen.item.value) for seen in one} == {len(seen.item.value) for seen in other} == SIZES
    mine, theirs = boxes(one), boxes(other)
    assert min(len(b"".join(mine)), len(b"".join(theirs))) > 5 * 256, "enough for the statistics"
    for seen_bytes in (mine, theirs):
        assert chi_square(seen_bytes) < CHI_SQUARE_MAX
        assert fixed_places(seen_bytes) == []
    assert chi_square_between(mine, theirs) < CHI_SQUARE_MAX
    assert repeated_windows(mine + theirs + boxes(found.others)) == []


def assert_seqs_lead_nowhere(records: Iterable[Record]) -> None:
    """Days have an end: a seq that comes back a whole number of days later would name the record that it belongs to."""
    addresses: dict[int, set[bytes]] = {}
    for record in records:
        assert record.seen.item.seq >= 1
        addresses.setdefault(record.seen.item.seq % DAY_MS, set()).add(record.seen.target)
    assert [moment for moment, targets in addresses.items() if len(targets) > 1] == []


def test_what_is_not_random_is_noticed() -> None:
    dice = random.Random(1)
    texts = [dice.randbytes(251) for _ in range(40)]
    others = [dice.randbytes(251) for _ in range(40)]
    assert chi_square(texts) < CHI_SQUARE_MAX
    assert chi_square_between(texts, others) < CHI_SQUARE_MAX
    assert fixed_places(texts) == []
    assert repeated_windows(texts + others) == []
    padded = [text[:200] + bytes(51) for text in texts]
    assert chi_square(padded) > CHI_SQUARE_MAX
    assert chi_square_between(padded, others) > CHI_SQUARE_MAX
    assert fixed_places(padded) == list(range(200, 251))
    assert repeated_windows([*texts, b"x" + texts[0][7:15]]) == [texts[0][7:15]]
