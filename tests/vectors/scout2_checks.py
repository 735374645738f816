"""Checks of scout2: roots and epochs, records, merges, messages."""

from __future__ import annotations

from typing import Any

from shared.format import bep44, items, keys
from shared.format.scout2 import epochs, link, merge, messages, roots
from shared.format.scout2 import record as records
from shared.format.scout2.messages import Message
from shared.format.scout2.record import Entry, Record
from tests.vectors.document import Vector, expect


def pair(vector: Vector) -> None:
    root = vector.hex("root")
    sides = (("a", "b"), ("b", "a"))
    for mine, theirs in sides:
        secret = vector.hex(f"secret_{mine}")
        expect(f"public key {mine}", keys.public_key(secret), vector.hex(f"public_{mine}"))
        found = roots.of_pair(secret, vector.hex(f"public_{theirs}"))
        expect(f"root and member of {mine}", found, (root, vector.integer(f"member_{mine}")))
    ahead, now, epoch = vector.integer("phase"), vector.integer("time"), vector.integer("epoch")
    expect("phase", epochs.phase(root), ahead)
    expect("epoch", epochs.epoch_at(ahead, now), epoch)
    derived = link.epoch_keys(root, epoch)
    expect("seal key", derived.seal_key, vector.hex("seal_key"))
    expect("mail key", link.mail_key(root), vector.hex("mail_key"))
    expect("public key of the epoch", derived.public_key, vector.hex("public_key"))
    expect("target", derived.target, vector.hex("target"))


def group(vector: Vector) -> None:
    expect("root", roots.of_group(vector.hex("secret")), vector.hex("root"))


def passphrase(vector: Vector) -> None:
    secret = roots.group_secret_of(vector.hex("passphrase"), vector.hex("group"))
    expect("root", roots.of_group(secret), vector.hex("root"))


def record(vector: Vector) -> None:
    derived = link.epoch_keys(vector.hex("root"), vector.integer("epoch"))
    seq, box = vector.integer("seq"), vector.hex("value")
    content = Record(tuple(_entry(vector, fields) for fields in vector.array("entries")))
    expect("public key", derived.public_key, vector.hex("public_key"))
    expect("target", derived.target, vector.hex("target"))
    expect("plaintext", records.serialise(content), vector.hex("plaintext"))
    expect("box", records.seal_record(content, derived, seq, vector.hex("nonce")), box)
    expect("opened", records.open_record(box, derived, seq), content)
    signed = bep44.signable_bytes(items.value_of(box), seq)
    expect("signature", keys.sign(derived.signing_key, signed), vector.hex("signature"))


def merges(vector: Vector) -> None:
    one, other, winner = (_entry(vector, vector.array(name)) for name in ("a", "b", "wins"))
    expect("merged", merge.merge_entries((one,), (other,)), (winner,))
    expect("merged in the other order", merge.merge_entries((other,), (one,)), (winner,))


def message(vector: Vector) -> None:
    mail_key, box = link.mail_key(vector.hex("root")), vector.hex("value")
    content = Message(
        vector.optional_hex("next"),
        vector.integer("member"),
        vector.integer("number"),
        vector.integer("sent_at"),
        vector.hex("body"),
    )
    expect("plaintext", messages.serialise(content), vector.hex("plaintext"))
    expect("box", messages.seal_message(content, mail_key, vector.hex("nonce")), box)
    expect("opened", messages.open_message(box, mail_key), content)
    expect("target", bep44.immutable_target(items.value_of(box)), vector.hex("target"))


def _entry(vector: Vector, fields: Any) -> Entry:
    match fields:
        case [int(entry_id), int(stamp), int(ttl), str() | None as value]:
            return Entry(entry_id, stamp, ttl, None if value is None else vector.unhex(value))
        case _:
            raise vector.malformed("expected an entry [id, stamp, ttl, value]")
