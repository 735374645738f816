"""What holds of leases on either bus, and on disk. Times are milliseconds of a wall clock that the tests move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.bus import streams
from shared.bus.ports import Claimed, Lease, Leases
from shared.errors import ErrorCode, ScoutError
from tests.contract.conftest import MAX_KEPT, Bus

NOW = 1_700_000_000_000
SECOND = 1000
HOUR = 3_600_000
HOLD = 60 * SECOND

pytestmark = pytest.mark.parametrize("bus", ["redis", "memory", "disk"], indirect=True)


def a_lease(name: int = 1, *, seq: int = 1, hours: float = 24, copy: bytes = b"\x00copy") -> Lease:
    return Lease(bytes([name]) * 20, seq, copy, NOW + round(hours * HOUR))


async def keep(leases: Leases, lease: Lease, *, due: int = NOW + HOUR, now: int = NOW, owner: str = "") -> int:
    return await leases.keep(lease, due_ms=due, now_ms=now, owner=owner)


async def claim(leases: Leases, now: int, limit: int = 10) -> Claimed:
    return await leases.claim(now_ms=now, hold_ms=HOLD, limit=limit)


async def test_nothing_is_claimed_before_it_is_due(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    assert await keep(leases, lease) == lease.until_ms
    assert await claim(leases, NOW + HOUR - 1) == Claimed((), kept=1, overdue=0)
    assert await claim(leases, NOW + HOUR) == Claimed((lease,), kept=1, overdue=0)


async def test_a_claim_holds_for_a_while_and_then_the_item_goes_to_another(bus: Bus) -> None:
    leases = bus.leases()
    await keep(leases, a_lease())
    assert (await claim(leases, NOW + HOUR)).leases
    assert not (await claim(leases, NOW + HOUR + HOLD - 1)).leases
    assert (await claim(leases, NOW + HOUR + HOLD)).leases


async def test_what_was_put_again_is_due_again_at_its_next_time(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    await keep(leases, lease)
    await claim(leases, NOW + HOUR)
    await leases.put_again(lease.target, due_ms=NOW + 2 * HOUR)
    assert await claim(leases, NOW + 2 * HOUR - 1) == Claimed((), kept=1, overdue=0)
    assert (await claim(leases, NOW + 2 * HOUR)).leases == (lease,)


async def test_what_could_not_be_put_again_waits_for_its_turn_and_becomes_overdue(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    await keep(leases, lease)
    await claim(leases, NOW + HOUR)
    later = NOW + HOUR + streams.KEEP_OVERDUE_MS
    await leases.postpone(lease.target, until_ms=later + SECOND)
    assert await claim(leases, later) == Claimed((), kept=1, overdue=1)
    assert (await claim(leases, later + SECOND)).leases == (lease,)
    await leases.put_again(lease.target, due_ms=later + HOUR)
    assert (await claim(leases, later + 2 * SECOND)).overdue == 0


async def test_no_more_is_claimed_than_asked_for_and_the_most_urgent_first(bus: Bus) -> None:
    leases = bus.leases()
    for name in (1, 2, 3):
        await keep(leases, a_lease(name), due=NOW + HOUR - name)
    first = await claim(leases, NOW + HOUR, limit=2)
    second = await claim(leases, NOW + HOUR, limit=2)
    assert [lease.target[0] for lease in first.leases] == [3, 2]
    assert [lease.target[0] for lease in second.leases] == [1]
    assert await claim(leases, NOW + HOUR + HOLD, limit=0) == Claimed((), kept=3, overdue=0)


async def test_a_newer_version_takes_the_place_of_the_kept_one(bus: Bus) -> None:
    leases = bus.leases()
    await keep(leases, a_lease(seq=2**62))
    newer = a_lease(seq=2**62 + 1, copy=b"newer")
    await keep(leases, newer)
    assert (await claim(leases, NOW + HOUR)).leases == (newer,)


@pytest.mark.parametrize("seq", [2**62, 2**62 - 1])
async def test_a_version_that_is_no_newer_only_extends_the_lease(bus: Bus, seq: int) -> None:
    leases = bus.leases()
    kept = a_lease(seq=2**62)
    await keep(leases, kept)
    longer = a_lease(seq=seq, hours=48, copy=b"other")
    assert await keep(leases, longer) == longer.until_ms
    assert (await claim(leases, NOW + HOUR)).leases == (replace(kept, until_ms=longer.until_ms),)


async def test_an_older_version_does_not_move_the_next_put(bus: Bus) -> None:
    leases = bus.leases()
    await keep(leases, a_lease(seq=7))
    await keep(leases, a_lease(seq=6), due=NOW + 2 * HOUR)
    assert (await claim(leases, NOW + HOUR)).leases
    await keep(leases, a_lease(seq=8), due=NOW + 2 * HOUR)
    assert not (await claim(leases, NOW + 2 * HOUR - 1)).leases


async def test_a_shorter_lease_does_not_end_a_longer_one(bus: Bus) -> None:
    leases = bus.leases()
    kept = a_lease()
    await keep(leases, kept)
    assert await keep(leases, a_lease(hours=2)) == kept.until_ms


async def test_a_put_that_asks_for_nothing_brings_its_version_to_a_lease_but_begins_none(bus: Bus) -> None:
    leases = bus.leases()
    assert await keep(leases, a_lease(hours=0)) == 0
    assert (await claim(leases, NOW + HOUR)).kept == 0
    kept, newer = a_lease(), a_lease(seq=2, hours=0, copy=b"newer")
    await keep(leases, kept)
    assert await keep(leases, newer) == kept.until_ms
    assert (await claim(leases, NOW + HOUR)).leases == (replace(newer, until_ms=kept.until_ms),)


async def test_a_lease_that_has_ended_is_forgotten(bus: Bus) -> None:
    leases = bus.leases()
    await keep(leases, a_lease(hours=0.5))
    assert await claim(leases, NOW + HOUR // 2) == Claimed((), kept=0, overdue=0)
    assert await claim(leases, NOW + 2 * HOUR) == Claimed((), kept=0, overdue=0)
    after = a_lease(seq=1, hours=3, copy=b"again")
    await keep(leases, after, now=NOW + HOUR, due=NOW + 2 * HOUR)
    assert (await claim(leases, NOW + 2 * HOUR)).leases == (after,)


async def test_a_lease_begun_after_the_end_of_another_owes_nothing_to_it(bus: Bus) -> None:
    leases = bus.leases()
    await keep(leases, a_lease(seq=9, hours=0.5))
    older = a_lease(seq=3, hours=3, copy=b"older")
    assert await keep(leases, older, now=NOW + HOUR, due=NOW + 2 * HOUR) == older.until_ms
    assert (await claim(leases, NOW + 2 * HOUR)).leases == (older,)


async def test_without_room_a_new_item_is_refused_and_kept_ones_go_on(bus: Bus) -> None:
    leases = bus.leases()
    for name in range(MAX_KEPT):
        await keep(leases, a_lease(name))
    with pytest.raises(ScoutError) as caught:
        await keep(leases, a_lease(MAX_KEPT))
    assert caught.value.code is ErrorCode.KEEP_FULL
    assert caught.value.facts == {"limit": MAX_KEPT}
    newer = a_lease(0, seq=2, hours=48)
    assert await keep(leases, newer) == newer.until_ms


async def test_what_nobody_keeps_can_be_neither_put_again_nor_postponed(bus: Bus) -> None:
    leases = bus.leases()
    await leases.put_again(bytes(20), due_ms=NOW)
    await leases.postpone(bytes(20), until_ms=NOW)
    assert await claim(leases, NOW) == Claimed((), kept=0, overdue=0)


async def test_a_lease_that_its_owner_releases_is_forgotten(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    await keep(leases, lease, owner="me")
    assert await leases.wish(lease.target, owner="me", now_ms=NOW) == lease
    assert await leases.release(lease.target, owner="me", now_ms=NOW) == lease
    assert await leases.release(lease.target, owner="me", now_ms=NOW) is None
    assert await leases.wish(lease.target, owner="me", now_ms=NOW) is None
    assert await claim(leases, NOW + HOUR) == Claimed((), kept=0, overdue=0)


async def test_nobody_releases_what_another_asked_for(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    await keep(leases, lease, owner="me")
    assert await leases.wish(lease.target, owner="stranger", now_ms=NOW) is None
    assert await leases.release(lease.target, owner="stranger", now_ms=NOW) is None
    assert (await claim(leases, NOW + HOUR)).leases == (lease,)


async def test_the_latest_end_of_all_wishes_holds(bus: Bus) -> None:
    leases = bus.leases()
    short, long = a_lease(hours=3), a_lease(hours=24)
    await keep(leases, short, owner="one")
    assert await keep(leases, long, owner="other") == long.until_ms
    assert await leases.wish(short.target, owner="one", now_ms=NOW) == short
    assert await leases.release(long.target, owner="other", now_ms=NOW) == long
    assert (await claim(leases, NOW + HOUR)).leases == (short,)
    await leases.put_again(short.target, due_ms=short.until_ms)
    assert await claim(leases, short.until_ms) == Claimed((), kept=0, overdue=0)


async def test_a_lease_that_became_shorter_is_forgotten_at_its_new_end(bus: Bus) -> None:
    leases = bus.leases()
    short, long = a_lease(hours=0.5), a_lease(hours=24)
    await keep(leases, short, owner="one")
    await keep(leases, long, owner="other")
    await leases.release(long.target, owner="other", now_ms=NOW)
    assert await claim(leases, NOW + HOUR // 2) == Claimed((), kept=0, overdue=0)


async def test_a_wish_is_never_shortened_by_a_later_one(bus: Bus) -> None:
    leases = bus.leases()
    long = a_lease(hours=24)
    await keep(leases, long, owner="me")
    await keep(leases, a_lease(hours=2), owner="me")
    await keep(leases, a_lease(seq=2, hours=0), owner="me")
    found = await leases.release(long.target, owner="me", now_ms=NOW)
    assert found is not None
    assert (found.until_ms, found.seq) == (long.until_ms, 2)


async def test_a_wish_that_is_over_can_not_be_released(bus: Bus) -> None:
    leases = bus.leases()
    short, long = a_lease(hours=1), a_lease(hours=24)
    await keep(leases, short, owner="one")
    await keep(leases, long, owner="other")
    assert await leases.release(short.target, owner="one", now_ms=NOW + HOUR) is None
    assert (await claim(leases, NOW + HOUR)).leases == (long,)


async def test_what_was_claimed_may_be_released_meanwhile(bus: Bus) -> None:
    leases = bus.leases()
    lease = a_lease()
    await keep(leases, lease, owner="me")
    await claim(leases, NOW + HOUR)
    await leases.release(lease.target, owner="me", now_ms=NOW + HOUR)
    await leases.put_again(lease.target, due_ms=NOW + 2 * HOUR)
    await leases.postpone(lease.target, until_ms=NOW + 2 * HOUR)
    assert await keep(leases, a_lease(seq=2, hours=0), now=NOW + HOUR) == 0
    assert await claim(leases, NOW + 3 * HOUR) == Claimed((), kept=0, overdue=0)
