"""The original's `synchronize`: what it reports, what it writes, and what it does when somebody else was faster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import scout
from scout.synchronise import MAX_ATTEMPTS
from shared.json_bytes import Blob, from_base64url, to_base64url
from tests.support.scripted_api import Reply, ScriptedApi, VirtualTime, problem, scripted_api, surroundings

STORING = {"asked": 8, "answered": 8, "stored": 8, "rejected": {}, "timed_out": 0}


def entries(**contents: tuple[int, bytes]) -> list[dict[str, Any]]:
    return [
        {"id": int(name.removeprefix("e")), "seq": seq, "value": to_base64url(content)}
        for name, (seq, content) in contents.items()
    ]


def record(seq: int, **contents: tuple[int, bytes]) -> Reply:
    return Reply(200, {"seq": seq, "entries": entries(**contents), "passed_over": []}, {"ETag": f'"{seq}"'})


def written(seq: int, **contents: tuple[int, bytes]) -> Reply:
    return Reply(200, {"seq": seq, "entries": entries(**contents), "new": [], "storing": STORING})


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as served:
        yield served


@pytest.fixture
async def link(api: ScriptedApi) -> AsyncIterator[scout.Link]:
    async with scout.Client(api.url, surroundings=surroundings(VirtualTime())) as client:
        yield client.link("handle")


def sent_contents(api: ScriptedApi) -> dict[int, bytes]:
    return {entry["id"]: from_base64url(entry["value"]) for entry in api.asked[-1].body["entries"]}


async def test_contents_of_mine_are_written_over_the_state_that_was_read(api: ScriptedApi, link: scout.Link) -> None:
    api.replies += [record(4, e1=(1, b"theirs")), written(5, e1=(1, b"theirs"), e2=(1, b"mine"))]
    seen: list[scout.Entry] = []
    after = await link.synchronize({2: b"mine"}, entry_updated=seen.append)
    assert [(entry.id, bytes(entry.value)) for entry in seen] == [(1, b"theirs")]
    assert sent_contents(api) == {2: b"mine"}
    assert api.asked[-1].headers["If-Match"] == '"4"'
    assert [entry.id for entry in after] == [1, 2]


async def test_finalize_changes_adds_and_takes_out(api: ScriptedApi, link: scout.Link) -> None:
    api.replies += [record(4, e1=(1, b"one"), e2=(1, b"two")), written(5)]

    def finalize(contents: dict[int, bytes]) -> None:
        assert contents == {1: b"one", 2: b"two"}
        contents[1] = b"uno"
        contents[3] = b"three"
        del contents[2]

    await link.synchronize({}, finalize=finalize)
    assert sent_contents(api) == {1: b"uno", 3: b"three"}
    assert api.asked[-1].body["remove"] == [2]


async def test_nothing_to_change_writes_nothing(api: ScriptedApi, link: scout.Link) -> None:
    api.replies += [record(4, e1=(1, b"one"))]
    assert [entry.id for entry in await link.synchronize({1: b"one"})] == [1]
    assert [asked.method for asked in api.asked] == ["GET"]


async def test_somebody_faster_means_reading_and_finalizing_anew(api: ScriptedApi, link: scout.Link) -> None:
    api.replies += [
        record(4, e1=(1, b"count:1")),
        problem(412, "precondition_failed", seq=5),
        record(5, e1=(2, b"count:2")),
        written(6, e1=(3, b"count:3")),
    ]
    seen: list[bytes] = []

    def count(contents: dict[int, bytes]) -> None:
        number = int(contents[1].removeprefix(b"count:"))
        contents[1] = b"count:%d" % (number + 1)

    await link.synchronize({}, entry_updated=lambda entry: seen.append(bytes(entry.value)), finalize=count)
    assert seen == [b"count:1", b"count:2"]
    assert sent_contents(api) == {1: b"count:3"}
    assert api.asked[-1].headers["If-Match"] == '"5"'


async def test_an_older_copy_of_mine_gives_way_and_a_newer_one_stands(api: ScriptedApi, link: scout.Link) -> None:
    api.replies += [record(4, e1=(7, b"newer there"), e2=(1, b"older there")), written(5)]
    seen: list[int] = []
    mine = [scout.Entry(id=1, seq=3, value=Blob(b"old")), scout.Entry(id=2, seq=2, value=Blob(b"new"))]
    await link.synchronize(mine, entry_updated=lambda entry: seen.append(entry.id))
    assert seen == [1]
    assert sent_contents(api) == {2: b"new"}


async def test_it_gives_up_when_others_are_always_faster(api: ScriptedApi, link: scout.Link) -> None:
    for _ in range(MAX_ATTEMPTS):
        api.replies += [record(4), problem(412, "precondition_failed")]
    with pytest.raises(scout.ScoutApiError, match="precondition_failed"):
        await link.synchronize({1: b"x"})
    assert api.replies == []
