"""scout2 as clients meet it: the default, with ttl, tombstones, receipts, and handles that can be moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.format import keys
from shared.format.scout2 import roots
from tests.unit.api.world import Api, b64, unb64


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_scout2_is_the_default(api: Api) -> None:
    made = await api.call("POST", "/v1/links", {"secret": "ab" * 32, "member": 3})
    assert (made.body["format"], made.body["member"]) == ("scout2", 3)


async def test_a_pair_meets_by_keys_and_by_the_root_it_worked_out_itself(api: Api) -> None:
    mine, theirs = b"\x77" * 32, b"\x78" * 32
    key = (await api.call("POST", "/v1/keys", {"secret": mine.hex()})).body["key"]
    one = await api.call("POST", "/v1/links", {"key": key, "peer": keys.public_key(theirs).hex()})
    root, member = roots.of_pair(theirs, keys.public_key(mine))
    other = await api.call("POST", "/v1/links", {"root": root.hex(), "member": member})
    assert {one.body["member"], other.body["member"]} == {0, 1}
    await api.call("PUT", "/v1/devices/1", {"name": "mine"}, link=one.body["link"])
    seen = await api.call("GET", "/v1/devices", link=other.body["link"])
    assert [device["name"] for device in seen.body["devices"]] == ["mine"]


async def test_a_passphrase_makes_the_same_link_for_all_who_know_it(api: Api) -> None:
    words = {"passphrase": "correct horse", "group": "family"}
    one, other = [await api.call("POST", "/v1/links", {**words, "member": n}) for n in range(2)]
    await api.call("POST", "/v1/messages", {"body": b64(b"hello")}, link=one.body["link"])
    [message] = (await api.call("GET", "/v1/messages", link=other.body["link"])).body["messages"]
    assert unb64(message["body"]) == b"hello"


async def test_a_device_says_when_it_was_written_and_until_when_it_counts(api: Api) -> None:
    link = await api.link(format_name="scout2")
    before = datetime.now(UTC) - timedelta(seconds=1)  # noqa: TID251  # what is compared with came by HTTP
    await api.call("PUT", "/v1/devices/1", {"addresses": ["198.51.100.4:443"], "ttl": 3600}, link=link)
    [device] = (await api.call("GET", "/v1/devices", link=link)).body["devices"]
    written, expires = moment(device["written"]), moment(device["expires"])
    assert written >= before
    assert expires - written == timedelta(hours=1)


async def test_a_removed_device_is_known_to_be_removed(api: Api) -> None:
    link = await api.link(format_name="scout2")
    await api.call("PUT", "/v1/devices/1", {"name": "phone"}, link=link)
    gone = await api.call("DELETE", "/v1/devices/1", link=link)
    assert (gone.body["removal"], gone.body["removed"], gone.body["entries"]) == ("tombstone", [1], [])
    record = await api.call("GET", "/v1/record", link=link)
    assert (record.body["removed"], record.body["entries"]) == ([1], [])
    assert (await api.call("GET", "/v1/devices", link=link)).body["devices"] == []


async def test_a_record_has_a_tag_and_a_seq_that_rise(api: Api) -> None:
    link = await api.link(format_name="scout2")
    first = await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"one")}]}, link=link)
    second = await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"two")}]}, link=link)
    assert second.body["seq"] > first.body["seq"] > 1_700_000_000_000
    assert second.headers["ETag"] != first.headers["ETag"]
    record = await api.call("GET", "/v1/record", link=link)
    assert record.headers["ETag"] == second.headers["ETag"]
    stale = await api.call("POST", "/v1/sync", {}, link=link, headers={"If-Match": first.headers["ETag"]})
    assert stale.code == "precondition_failed"


async def test_receipts_reach_the_sender(api: Api) -> None:
    mine, theirs = await api.link(0, format_name="scout2"), await api.link(1, format_name="scout2")
    for body in (b"one", b"two"):
        await api.call("POST", "/v1/messages", {"body": b64(body)}, link=mine)
    read = await api.call("GET", "/v1/messages", link=theirs)
    assert [message["number"] for message in read.body["messages"]] == [1, 2]
    assert all(moment(message["sent"]) for message in read.body["messages"])
    acknowledged = await api.call("POST", "/v1/messages/ack", {"received": [{"member": 0, "number": 2}]}, link=theirs)
    assert acknowledged.status == 200
    again = await api.call("POST", "/v1/messages/ack", {"received": [{"member": 0, "number": 1}]}, link=theirs)
    assert again.status == 200
    seen = await api.call("GET", "/v1/messages", link=mine)
    assert seen.body["received"] == [{"member": 1, "number": 2}]


@pytest.mark.parametrize(
    ("format_name", "received", "words"),
    [
        ("scout1", [{"member": 1, "number": 1}], "no room for receipts"),
        ("scout2", [{"member": 0, "number": 1}], "Expected other members than yourself"),
        ("scout2", [], "`$.received`"),
        ("scout2", [{"member": 1, "number": -1}], "`$.received[0].number`"),
    ],
)
async def test_what_acknowledges_nothing_is_refused(api: Api, format_name: str, received: Any, words: str) -> None:
    link = await api.link(format_name=format_name)
    refused = await api.call("POST", "/v1/messages/ack", {"received": received}, link=link)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert words in refused.body["detail"]


async def test_a_plain_message_is_refused(api: Api) -> None:
    link = await api.link(format_name="scout2")
    refused = await api.call("POST", "/v1/messages", {"body": b64(b"x"), "seal": False}, link=link)
    assert (refused.status, refused.code) == (400, "invalid_request")


async def test_a_handle_moves_to_the_newest_master_key(api: Api) -> None:
    link = await api.link(format_name="scout2")
    moved = await api.call("POST", "/v1/handles/rewrap", {"handle": link})
    assert (moved.status, moved.body["kind"]) == (200, "link")
    await api.call("PUT", "/v1/devices/1", {"name": "phone"}, link=link)
    [device] = (await api.call("GET", "/v1/devices", link=moved.body["handle"])).body["devices"]
    assert device["name"] == "phone"
    refused = await api.call("POST", "/v1/handles/rewrap", {"handle": link[:-2]})
    assert (refused.status, refused.code) == (403, "bad_handle")
