"""Signed items: what a client signs is stored as it is, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.format import bep44, keys
from tests.unit.api.world import Answer, Api, b64, unb64

PUBLIC, SIGNING = keys.signing_pair(b"\x07" * 32)
PATH = f"/v1/mutable/{PUBLIC.hex()}"


def signed(content: bytes, seq: int, salt: bytes = b"") -> dict[str, Any]:
    value = bep44.bencode_string(content)
    return {"v": b64(value), "seq": seq, "sig": keys.sign(SIGNING, bep44.signable_bytes(value, seq, salt)).hex()}


async def put(api: Api, content: bytes, seq: int, members: dict[str, Any] | None = None) -> Answer:
    return await api.call("PUT", PATH, signed(content, seq) | (members or {}))


async def test_what_was_signed_comes_back_as_it_was(api: Api) -> None:
    stored = await put(api, b"mine", 1)
    assert (stored.status, stored.body["target"]) == (200, bep44.mutable_target(PUBLIC).hex())
    assert stored.body["kept_until"] is not None
    [version] = (await api.call("GET", PATH)).body["versions"]
    assert (unb64(version["v"]), version["seq"], version["holders"]) == (b"4:mine", 1, 8)
    assert version["sig"] == signed(b"mine", 1)["sig"]


async def test_nothing_stored_is_no_error(api: Api) -> None:
    nothing = await api.call("GET", PATH)
    assert (nothing.status, nothing.body["versions"]) == (200, [])
    assert nothing.body["lookup"]["answered"] == 8


async def test_a_salt_is_another_item(api: Api) -> None:
    body = signed(b"salted", 1, b"salt")
    assert (await api.call("PUT", f"{PATH}?salt={b64(b'salt')}", body)).status == 200
    assert (await api.call("GET", PATH)).body["versions"] == []
    assert len((await api.call("GET", f"{PATH}?salt={b64(b'salt')}")).body["versions"]) == 1


async def test_a_write_that_saw_nothing_does_not_take_the_place_of_another(api: Api) -> None:
    first = await put(api, b"one", 1, {"seen": []})
    assert first.status == 200
    blind = await put(api, b"two", 2, {"seen": []})
    assert (blind.status, blind.code) == (409, "conflict")
    seeing = await put(api, b"two", 2, {"seen": [signed(b"one", 1)["sig"]]})
    assert seeing.status == 200
    [version] = (await api.call("GET", PATH)).body["versions"]
    assert version["seq"] == 2


@pytest.mark.parametrize(
    ("members", "status", "words"),
    [
        ({"sig": "00" * 64}, 400, "Expected sig to be the key's signature"),
        ({"seq": 2}, 400, "Expected sig to be the key's signature"),
        ({"seq": 0}, 400, "`$.seq`"),
        ({"sig": "00" * 63}, 400, "`$.sig`"),
        ({"v": b64(b"no bencoding")}, 400, "bencoded"),
        ({"v": b64(b"1001:" + bytes(1001))}, 413, "at most 1000 bytes, got 1006"),
        ({"key": "00" * 32}, 400, "unknown field"),
    ],
)
async def test_what_the_key_has_not_signed_is_refused(
    api: Api, members: dict[str, Any], status: int, words: str
) -> None:
    refused = await put(api, b"mine", 1, members)
    assert refused.status == status
    assert words in refused.body["detail"]
    assert not api.twin.stored_anything()


async def test_a_salt_over_its_limit_is_refused(api: Api) -> None:
    for method, body in (("GET", None), ("PUT", signed(b"x", 1, bytes(65)))):
        refused = await api.call(method, f"{PATH}?salt={b64(bytes(65))}", body)
        assert (refused.status, refused.code) == (400, "invalid_request")


async def test_versions_are_handed_over_for_a_time_to_come(api: Api) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=6)  # noqa: TID251  # what the API compares with its own clock
    version = {
        **signed(b"tomorrow", 1),
        "public_key": PUBLIC.hex(),
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
    }
    handed = await api.call("POST", "/v1/ahead", {"versions": [version]})
    assert handed.status == 200
    assert datetime.fromisoformat(handed.body["kept_until"]) - start == timedelta(days=1)
    [ahead] = api.twin.ahead.values()
    assert (ahead.value, ahead.from_ms) == (b"8:tomorrow", round(start.timestamp() * 1000))
    assert not api.twin.stored_anything()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"sig": "00" * 64}, "signature"),
        ({"start": "2026-11-22T12:00:00"}, "offset from UTC"),
        ({"start": "noon"}, "`$.versions[0].start`"),
    ],
)
async def test_what_can_not_be_put_later_is_refused(api: Api, members: dict[str, Any], words: str) -> None:
    version = {
        **signed(b"tomorrow", 1),
        "public_key": PUBLIC.hex(),
        "start": "2026-11-22T12:00:00Z",
        "end": "2026-11-23T12:00:00Z",
    }
    refused = await api.call("POST", "/v1/ahead", {"versions": [{**version, **members}]})
    assert refused.status == 400
    assert words in refused.body["detail"]
