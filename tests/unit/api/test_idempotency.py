from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.api.service import Limits
from shared.errors import ErrorCode, ScoutError
from tests.unit.api.world import Api, an_api, b64

KEY = {"Idempotency-Key": "0123-abc"}
MESSAGE = {"body": b64(b"only once")}


async def test_the_same_request_again_gets_the_same_answer_and_does_nothing(api: Api) -> None:
    link = await api.link()
    first = await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)
    puts = api.twin.puts
    again = await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers["Content-Type"] == "application/json"
    assert api.twin.puts == puts
    read = await api.call("GET", "/v1/messages", link=await api.link(1))
    assert len(read.body["messages"]) == 1


async def test_the_tag_comes_again_too(api: Api) -> None:
    link = await api.link()
    for _ in range(2):
        answer = await api.call("PUT", "/v1/devices/1", {}, link=link, headers=KEY)
        assert answer.headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    ("method", "path", "body", "member"),
    [
        ("POST", "/v1/messages", {"body": b64(b"another")}, 0),
        ("POST", "/v1/sync", MESSAGE, 0),
        ("POST", "/v1/messages", MESSAGE, 1),
    ],
)
async def test_another_request_with_the_same_key(api: Api, method: str, path: str, body: Any, member: int) -> None:
    links = [await api.link(0), await api.link(1)]
    await api.call("POST", "/v1/messages", MESSAGE, link=links[0], headers=KEY)
    reused = await api.call(method, path, body, link=links[member], headers=KEY)
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")
    assert api.twin.puts == 1


async def test_reads_take_no_key(api: Api) -> None:
    link = await api.link()
    assert (await api.call("GET", "/v1/record", link=link, headers=KEY)).body["seq"] == 0
    await api.call("POST", "/v1/messages", MESSAGE, link=link)
    assert (await api.call("GET", "/v1/record", link=link, headers=KEY)).body["seq"] == 1


async def test_a_failed_request_may_be_tried_again(api: Api) -> None:
    link = await api.link()
    api.twin.loss = 1.0
    assert (await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)).status == 503
    api.twin.loss = 0.0
    assert (await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)).status == 200


async def test_two_at_once_are_one(api: Api) -> None:
    link = await api.link()
    answers = await asyncio.gather(
        *(api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY) for _ in range(5))
    )
    assert len({answer.text for answer in answers}) == 1
    assert api.twin.puts == 1


async def test_one_that_takes_too_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_api(limits=Limits(deadline_ms=400)) as api:
        link = await api.link()
        entered, release = asyncio.Event(), asyncio.Event()

        async def hang(*_: Any) -> Any:
            entered.set()
            await release.wait()
            raise ScoutError(ErrorCode.DHT_UNAVAILABLE, "gave up")

        monkeypatch.setattr(api.service.ports.dht, "get_mutable", hang)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY))
            await entered.wait()
            second = await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)
            release.set()
        # whichever ran out of time first: the second says that the key is busy, or that its own time is over
        assert second.code in {"idempotency_key_reused", "deadline_exceeded"}
        assert first.result().code in {"deadline_exceeded", "dht_unavailable"}


async def test_what_is_remembered_is_sealed(api: Api) -> None:
    link = await api.link()
    entries = {"entries": [{"id": 1, "value": b64(b"a plaintext to find")}]}
    await api.call("POST", "/v1/sync", entries, link=link, headers=KEY)
    await api.call("POST", "/v1/keys", {}, headers={"Idempotency-Key": "for a key".replace(" ", "-")})
    kept = [(name, value) for name, (value, _) in api.memory._values.items()]
    assert len(kept) == 2
    for name, value in kept:
        assert name.startswith("scout:{idempotency}:default:")
        assert "0123-abc" not in name
        for secret in (b"a plaintext to find", b64(b"a plaintext to find").encode(), link.encode(), b"entries"):
            assert secret not in value


async def test_what_does_not_open_is_another_request(api: Api) -> None:
    link = await api.link()
    await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)
    [name] = api.memory._values
    await api.memory.set(name, b"sealed with another bus key", 60.0)
    answer = await api.call("POST", "/v1/messages", MESSAGE, link=link, headers=KEY)
    assert answer.code == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ä"])
async def test_garbled_keys(api: Api, key: str) -> None:
    answer = await api.call("POST", "/v1/keys", {}, headers={"Idempotency-Key": key})
    assert (answer.status, answer.code) == (400, "invalid_request")
