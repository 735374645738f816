"""Leases that outlive their process."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from shared.bus import lease_file
from shared.bus.memory_leases import Standing
from shared.bus.ports import Lease
from shared.bus.saved_leases import SavedLeases, saved_leases
from tests.support import lease_writes

NOW = 1_700_000_000_000
HOUR = 3_600_000


def a_lease(name: int = 1, *, seq: int = 1, copy: bytes = b"\x00copy") -> Lease:
    return Lease(bytes([name]) * 20, seq, copy, NOW + 24 * HOUR)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "kept"


async def keep(leases: SavedLeases, lease: Lease, due_ms: int = NOW + HOUR) -> int:
    return await leases.keep(lease, due_ms=due_ms, now_ms=NOW)


async def due(leases: SavedLeases, now_ms: int) -> tuple[Lease, ...]:
    return (await leases.claim(now_ms=now_ms, hold_ms=60_000, limit=10)).leases


def block(path: Path) -> None:
    """Put something at `path` that no file can take the place of; permissions would not keep root away."""
    path.mkdir(parents=True)
    (path / "in the way").touch()


def modes_in(directory: Path) -> dict[str, int]:
    return {str(path.relative_to(directory)): path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())}


async def test_what_is_kept_is_on_the_disk_before_its_caller_hears_of_it(path: Path) -> None:
    await keep(SavedLeases(path), a_lease())
    # no end, no saving at the end: the process is gone
    again = SavedLeases(path)
    assert await due(again, NOW + HOUR - 1) == ()
    assert await due(again, NOW + HOUR) == (a_lease(),)


async def test_the_newest_version_and_the_latest_end_are_what_is_found_again(path: Path) -> None:
    leases = SavedLeases(path)
    await keep(leases, a_lease(seq=-(2**63)))
    await keep(leases, a_lease(seq=2**63 - 1, copy=b"newer"))
    assert await due(SavedLeases(path), NOW + HOUR) == (a_lease(seq=2**63 - 1, copy=b"newer"),)


async def test_when_an_item_is_due_outlives_an_orderly_end(path: Path) -> None:
    async with saved_leases(path) as leases:
        await keep(leases, a_lease())
        await leases.put_again(a_lease().target, due_ms=NOW + 2 * HOUR)
    again = SavedLeases(path)
    assert await due(again, NOW + 2 * HOUR - 1) == ()
    assert await due(again, NOW + 2 * HOUR) == (a_lease(),)


async def test_whose_wishes_they_are_is_found_again(path: Path) -> None:
    lease = a_lease()
    await SavedLeases(path).keep(lease, due_ms=NOW + HOUR, now_ms=NOW, owner="me")
    async with saved_leases(path) as again:
        assert await again.release(lease.target, owner="stranger", now_ms=NOW) is None
        assert await again.release(lease.target, owner="me", now_ms=NOW) == lease
    assert await due(SavedLeases(path), NOW + HOUR) == ()


async def test_a_claim_does_not_outlive_its_process(path: Path) -> None:
    async with saved_leases(path) as leases:
        await keep(leases, a_lease())
        assert await due(leases, NOW + HOUR)
    assert await due(SavedLeases(path), NOW + HOUR) == (a_lease(),)


async def test_leases_that_come_together_share_their_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = lease_writes.counted(monkeypatch)
    leases = SavedLeases(path)
    await asyncio.gather(*(keep(leases, a_lease(name)) for name in range(50)))
    assert len(writes) < 5
    assert writes[-1] == 50
    assert len(await due(SavedLeases(path), NOW + HOUR)) == 10


async def test_a_caller_who_gives_up_leaves_a_file_that_is_whole(path: Path) -> None:
    leases = SavedLeases(path)
    for name in range(20):
        giving_up = asyncio.ensure_future(keep(leases, a_lease(name)))  # noqa: TID251  # cancelled right below
        await asyncio.sleep(0)
        giving_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving_up
    await leases.save()
    assert len(lease_file.load(path)) == 20


async def test_only_its_owner_can_read_the_file_and_no_draft_is_left(path: Path) -> None:
    await keep(SavedLeases(path), a_lease())
    assert modes_in(path.parent) == {".": 0o700, "kept": 0o600}


async def test_a_disk_that_takes_nothing_is_logged_and_ends_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leases = SavedLeases(path)
    block(path.with_name("kept.new"))
    assert await keep(leases, a_lease()) == a_lease().until_ms
    assert [record.getMessage() for record in caplog.records] == ["what is to be kept could not be saved"]
    assert await due(leases, NOW + HOUR) == (a_lease(),)


def good(path: Path) -> bytes:
    lease_file.save(path, [Standing(a_lease(), NOW + HOUR)])
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"something else altogether",
        lambda data: data[:-1],
        lambda data: data[:20],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b"leases 1", b"leases 0"),
        lambda data: data + b"\x00",
        lambda data: data + bytes(lease_file.MAX_SIZE),
    ],
    ids=["empty", "foreign", "cut", "cut early", "one bit", "older", "longer", "huge"],
)
def test_a_file_that_cannot_be_read_is_set_aside_with_one_line(
    path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    path.parent.mkdir()
    damaged = damage(good(path))
    path.write_bytes(damaged)
    with caplog.at_level(logging.INFO):
        assert lease_file.load(path) == []
    assert [record.getMessage() for record in caplog.records] == ["what was to be kept can't be read and was set aside"]
    assert not path.exists()
    assert path.with_name("kept.damaged").read_bytes() == damaged


def test_rows_that_are_no_leases_are_set_aside(path: Path) -> None:
    path.parent.mkdir()
    lease_file.save(path, [Standing(Lease(b"short", 1, b"", NOW), NOW)])
    assert lease_file.load(path) == []
    assert path.with_name("kept.damaged").exists()


def test_what_cannot_even_be_set_aside_keeps_nobody_from_starting(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True)
    block(path.with_name("kept.damaged"))
    assert lease_file.load(path) == []
    assert [record.getMessage() for record in caplog.records] == ["what was to be kept can't be read, nor set aside"]


def test_as_many_of_the_longest_as_there_may_be_fit_into_the_file(path: Path) -> None:
    longest = [
        Standing(Lease(number.to_bytes(20, "big"), 2**63 - 1, bytes(1300), NOW), NOW)
        for number in range(lease_file.MAX_LEASES)
    ]
    lease_file.save(path, longest)
    assert len(lease_file.load(path)) == lease_file.MAX_LEASES
