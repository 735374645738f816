"""What a holder of the secret, or a storing node, can put in the way: passed over, reported, and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest
from nacl import bindings

from shared.clock import SystemClock
from shared.contracts import dht
from shared.format import bep44, items, keys, members
from shared.format.scout2 import epochs, link, messages, record, roots, seal
from shared.format.scout2.hashing import blake2b
from shared.format.scout2.link import EpochKeys
from shared.format.scout2.messages import Message
from shared.format.scout2.record import Entry, Record
from tests.unit.api.world import Api, b64

SEQ = 10**9
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Group:
    """A group's link, and what its other members have: everything."""

    api: Api
    root: bytes
    handle: str

    @property
    def keys(self) -> EpochKeys:
        return link.epoch_keys(self.root, epochs.epoch_at(epochs.phase(self.root), now_ms() / 1000))

    def plant(self, value: bytes, seq: int = SEQ, node: int = 7) -> None:
        """Have one node hold a version, signed as it must be."""
        signature = keys.sign(self.keys.signing_key, bep44.signable_bytes(value, seq))
        version = dht.MutableVersion(value=value, seq=seq, signature=signature, holders=0)
        self.api.twin.plant(self.keys.public_key, version, slice(node, node + 1))


def now_ms() -> int:
    return SystemClock().utc_ms()


@pytest.fixture
async def group(api: Api) -> Group:
    secret = os.urandom(32)
    while epochs.reading(epochs.phase(roots.of_group(secret)), now_ms() / 1000).also:
        secret = os.urandom(32)  # one whose epoch turns while the test runs would be another test
    handle = await api.link(secret=secret.hex(), format_name="scout2")
    announced = await api.call("PUT", "/v1/devices/1", {"name": "phone"}, link=handle)
    assert announced.status == 200
    return Group(api, roots.of_group(secret), handle)


def sealed(plaintext: bytes) -> Callable[[EpochKeys], bytes]:
    return lambda at: record.seal_plaintext(plaintext, at, SEQ, os.urandom(24))


def altered(at: int) -> Callable[[EpochKeys], bytes]:
    """A box with one byte that is another."""

    def make(keys_now: EpochKeys) -> bytes:
        box = bytearray(sealed(b"\x92\x90\x80")(keys_now))
        box[at] ^= 1
        return bytes(box)

    return make


def otherwise_padded(at: EpochKeys) -> bytes:
    """Zeros without the mark before them, under the right key and for the right place."""
    nonce = os.urandom(24)
    derived = blake2b(nonce, b"scout2.box", 64, at.seal_key)
    place = b"scout2.record" + at.public_key + SEQ.to_bytes(8, "big")
    box = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(195), place, nonce, derived[:32])
    return b"\x02" + nonce + derived[32:48] + box


def of_yesterday(at: EpochKeys, root: bytes) -> bytes:
    return record.seal_plaintext(b"\x92\x90\x80", link.epoch_keys(root, at.epoch - 1), SEQ, os.urandom(24))


HOSTILE: dict[str, tuple[Callable[[EpochKeys], bytes], str]] = {
    "another version of boxes": (altered(0), "expected version 2 of boxes, got 3"),
    "another nonce": (altered(1), "it commits to another one"),
    "wrong commitment": (altered(25), "it commits to another one"),
    "altered content": (altered(60), "for this place and unaltered"),
    "wrong padding": (otherwise_padded, "expected padding of 0x80 and zeros"),
    "another seq": (
        lambda at: record.seal_plaintext(b"\x92\x90\x80", at, SEQ - 1, os.urandom(24)),
        "for this place and unaltered",
    ),
    "another size": (lambda at: sealed(b"")(at)[:-1], "expected a box of 252, 508, 996 bytes, got 251"),
    "truncated MessagePack": (sealed(record.serialise(Record((Entry(1, 2, 3, b"x"),)))[:-1]), "expected a record"),
    "nothing": (sealed(b""), "expected a record"),
    "array bomb": (sealed(b"\x92\xdd\xff\xff\xff\xff\x80"), "expected"),
    "map bomb": (sealed(b"\x92\x90\xdf\xff\xff\xff\xff"), "expected"),
    "huge value": (sealed(b"\x92\x91\x94\x01\x02\x03\xc6\xff\xff\xff\xff"), "expected"),
    "nested": (sealed(b"\x91" * 938), "expected"),
    "id given twice": (sealed(b"\x92\x92\x94\x01\x02\x03\xc0\x94\x01\x02\x03\xc0\x80"), "each id once"),
    "ids out of order": (sealed(b"\x92\x92\x94\x02\x02\x03\xc0\x94\x01\x02\x03\xc0\x80"), "ascending id order"),
    "a stamp beyond 64 bits": (sealed(b"\x92\x91\x94\x01\xcb\x7f\xf0\0\0\0\0\0\0\x03\xc0\x80"), "expected an entry"),
    "NaN as a stamp": (sealed(b"\x92\x91\x94\x01\xcb\x7f\xf8\0\0\0\0\0\0\x03\xc0\x80"), "expected an entry"),
}


async def goes_on(group: Group) -> None:
    """What was there is shown, what is new is written over what was in the way, and nothing is left of that."""
    call, handle = group.api.call, group.handle
    devices = await call("GET", "/v1/devices", link=handle)
    assert [device["name"] for device in devices.body["devices"]] == ["phone"]
    assert (await call("GET", "/v1/messages", link=handle)).status == 200
    synced = await call("POST", "/v1/sync", {"entries": [{"id": 2, "value": b64(b"new")}]}, link=handle)
    assert synced.status == 200, synced.text
    after = (await call("GET", "/v1/record", link=handle)).body
    assert [entry["id"] for entry in after["entries"]] == [1, 2]
    assert after["passed_over"] == []


@pytest.mark.parametrize("name", [*HOSTILE, "another epoch", "no byte string"])
async def test_a_version_that_is_no_good_is_passed_over_and_reported(group: Group, name: str) -> None:
    if name == "another epoch":
        box, words = of_yesterday(group.keys, group.root), "it commits to another one"
    else:
        make, words = HOSTILE.get(name, (lambda _at: b"", "expected a byte string"))
        box = make(group.keys)
    group.plant(b"le" if name == "no byte string" else items.value_of(box))
    found = await group.api.call("GET", "/v1/record", link=group.handle)
    assert found.status == 200
    [passed] = found.body["passed_over"]
    assert words in passed["error"]
    assert passed["seq"] > 0
    assert [entry["id"] for entry in found.body["entries"]] == [1]
    await goes_on(group)


async def test_an_entry_from_the_far_future_is_ignored_and_the_rest_of_its_version_is_not(group: Group) -> None:
    entries = (
        Entry(1, now_ms() + 2 * HOUR_MS, 60, None),
        Entry(3, now_ms(), 60, b"theirs"),
        Entry(4, 2**64 - 1, 2**32 - 1, b"for ever"),
    )
    group.plant(items.value_of(sealed(record.serialise(Record(entries)))(group.keys)))
    found = (await group.api.call("GET", "/v1/record", link=group.handle)).body
    assert ([entry["id"] for entry in found["entries"]], found["removed"], found["passed_over"]) == ([1, 3], [], [])
    overwritten = await group.api.call("PUT", "/v1/devices/4", {"name": "mine"}, link=group.handle)
    assert overwritten.status == 200


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x93\xc0", b"\xdf\xff\xff\xff\xff", b"\x91" * 200])
async def test_garbage_in_an_entry_of_a_holder_is_shown_as_foreign_and_as_no_mailbox(
    group: Group, content: bytes
) -> None:
    entries = (Entry(5, now_ms(), 60, content), Entry(members.mailbox_id(3), now_ms(), 60, content))
    group.plant(items.value_of(sealed(record.serialise(Record(entries)))(group.keys)))
    devices = (await group.api.call("GET", "/v1/devices", link=group.handle)).body["devices"]
    assert [(device["id"], device["foreign"], device["data"]) for device in devices] == [
        (1, False, ""),
        (5, True, b64(content)),
    ]
    inbox = await group.api.call("GET", "/v1/messages", link=group.handle)
    assert (inbox.status, inbox.body["messages"]) == (200, [])
    assert [(gap["member"], gap["error"]) for gap in inbox.body["gaps"]] == [(3, "the entry is no mailbox")]


@pytest.mark.parametrize("plaintext", [b"", b"\x95\xc0", b"\xdf\xff\xff\xff\xff", b"\x91" * 900])
async def test_garbage_in_a_message_of_a_holder_is_a_gap_and_the_list_goes_on(group: Group, plaintext: bytes) -> None:
    mail_key = link.mail_key(group.root)
    first = items.value_of(messages.seal_message(Message(None, 3, 1, now_ms(), b"one"), mail_key, os.urandom(24)))
    garbage = items.value_of(seal.seal(plaintext, mail_key, b"scout2.message", os.urandom(24)))
    last = Message(bep44.immutable_target(garbage), 3, 3, now_ms(), b"three")
    head = items.value_of(messages.seal_message(last, mail_key, os.urandom(24)))
    for value in (first, garbage, head):
        for node in group.api.twin.nodes:
            node.immutable[bep44.immutable_target(value)] = value
    box = msgspec.msgpack.encode([bep44.immutable_target(head), 3, {}])
    entries = (Entry(members.mailbox_id(3), now_ms(), 60, box),)
    group.plant(items.value_of(sealed(record.serialise(Record(entries)))(group.keys)))
    inbox = (await group.api.call("GET", "/v1/messages", link=group.handle)).body
    assert [message["number"] for message in inbox["messages"]] == [3]
    [gap] = inbox["gaps"]
    assert (gap["first"], gap["last"]) == (1, 2)


async def test_an_older_state_on_every_node_is_said_to_be_one(group: Group) -> None:
    before = [dict(node.mutable) for node in group.api.twin.nodes]
    await group.api.call("PUT", "/v1/devices/1", {"name": "phone", "data": b64(b"new")}, link=group.handle)
    assert (await group.api.call("GET", "/v1/record", link=group.handle)).body["rollback_suspected"] is False
    for node, older in zip(group.api.twin.nodes, before, strict=True):
        node.mutable = older
    for path in ("/v1/record", "/v1/record?read=first", "/v1/devices"):
        assert (await group.api.call("GET", path, link=group.handle)).body["rollback_suspected"] is True
    synced = await group.api.call(
        "POST", "/v1/sync", {"entries": [{"id": 2, "value": b64(b"mine")}]}, link=group.handle
    )
    assert synced.body["rollback_suspected"] is True
    assert (await group.api.call("GET", "/v1/record", link=group.handle)).body["rollback_suspected"] is False
    assert group.api.metric("scout_api_rollbacks_suspected_total") == 4
