"""scout2 once more, straight from its page and from libsodium: makes files of vectors that our code had no hand in.

Nothing of `shared.format` is used here, MessagePack and bencode included: what both get wrong in the same way they get
wrong twice.
"""

from __future__ import annotations

import hashlib
import random
import struct
from typing import Any

from nacl import bindings

DAY = 86_400
SIZES = (195, 451, 939)


def hashed(data: bytes, person: str, size: int, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=size, key=key, person=person.encode().ljust(16, b"\0")).digest()


def subkey(root: bytes, label: str, epoch: int) -> bytes:
    return hashed(struct.pack(">Q", epoch), label, 32, root)


def phase(root: bytes) -> int:
    (number,) = struct.unpack(">I", subkey(root, "scout2.phase", 0)[:4])
    return int(number) % DAY


def sealed(plaintext: bytes, key: bytes, associated: bytes, nonce: bytes) -> bytes:
    size = next(size for size in SIZES if size > len(plaintext))
    derived = hashed(nonce, "scout2.box", 64, key)
    padded = (plaintext + b"\x80").ljust(size, b"\0")
    box = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, associated, nonce, derived[:32])
    return b"\x02" + nonce + derived[32:48] + box


def packed(value: Any) -> bytes:
    """MessagePack in its shortest form, of what the format has."""
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        forms = ((0x80, b"", "B"), (1 << 8, b"\xcc", "B"), (1 << 16, b"\xcd", "H"), (1 << 32, b"\xce", "I"))
        mark, form = next(((mark, form) for limit, mark, form in forms if value < limit), (b"\xcf", "Q"))
        return mark + struct.pack(">" + form, value)
    if isinstance(value, bytes):
        length = len(value)
        return (struct.pack("BB", 0xC4, length) if length < 1 << 8 else struct.pack(">BH", 0xC5, length)) + value
    if isinstance(value, dict):
        return struct.pack("B", 0x80 + len(value)) + b"".join(packed(one) for pair in value.items() for one in pair)
    length = len(value)
    head = struct.pack("B", 0x90 + length) if length < 1 << 4 else struct.pack(">BH", 0xDC, length)
    return head + b"".join(packed(one) for one in value)


def bencoded(value: bytes) -> bytes:
    return b"%d:%s" % (len(value), value)


def as_hex(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [as_hex(one) for one in value]
    return {name: as_hex(one) for name, one in value.items()} if isinstance(value, dict) else value


def pair(dice: random.Random) -> dict[str, Any]:
    secrets = {"a": dice.randbytes(32), "b": dice.randbytes(32)}
    publics = {name: bindings.crypto_scalarmult_base(secret) for name, secret in secrets.items()}
    low, high = sorted(publics.values())
    root = hashed(bindings.crypto_scalarmult(secrets["a"], publics["b"]) + low + high, "scout2.pair", 32)
    now = dice.randrange(1_600_000_000, 2_000_000_000)
    epoch = (now + phase(root)) // DAY
    public_key, _ = bindings.crypto_sign_seed_keypair(subkey(root, "scout2.sign", epoch))
    return {
        **{f"secret_{name}": secret for name, secret in secrets.items()},
        **{f"public_{name}": public for name, public in publics.items()},
        **{f"member_{name}": int(public == high) for name, public in publics.items()},
        "root": root,
        "phase": phase(root),
        "time": now,
        "epoch": epoch,
        "seal_key": subkey(root, "scout2.seal", epoch),
        "mail_key": subkey(root, "scout2.mail", 0),
        "public_key": public_key,
        "target": hashlib.sha1(public_key).digest(),
    }


def group(dice: random.Random) -> dict[str, Any]:
    secret = dice.randbytes(32)
    return {"secret": secret, "root": hashed(secret, "scout2.group", 32)}


def record(dice: random.Random, entries: list[list[Any]]) -> dict[str, Any]:
    root, nonce = dice.randbytes(32), dice.randbytes(24)
    epoch, seq = dice.randrange(19_000, 30_000), dice.randrange(1, 1 << 40)
    public_key, signing_key = bindings.crypto_sign_seed_keypair(subkey(root, "scout2.sign", epoch))
    plaintext = packed([entries, {}])
    associated = b"scout2.record" + public_key + struct.pack(">Q", seq)
    value = sealed(plaintext, subkey(root, "scout2.seal", epoch), associated, nonce)
    return {
        "root": root,
        "epoch": epoch,
        "seq": seq,
        "nonce": nonce,
        "entries": entries,
        "public_key": public_key,
        "target": hashlib.sha1(public_key).digest(),
        "plaintext": plaintext,
        "value": value,
        "signature": bindings.crypto_sign(b"3:seqi%de1:v" % seq + bencoded(value), signing_key)[:64],
    }


def message(dice: random.Random, follows: bytes | None, body: bytes) -> dict[str, Any]:
    root, nonce = dice.randbytes(32), dice.randbytes(24)
    member, number, sent_at = dice.randrange(1 << 31), dice.randrange(1, 1 << 32), dice.randrange(1 << 42)
    plaintext = packed([follows, member, number, sent_at, body])
    value = sealed(plaintext, subkey(root, "scout2.mail", 0), b"scout2.message", nonce)
    return {
        "root": root,
        "nonce": nonce,
        "next": follows,
        "member": member,
        "number": number,
        "sent_at": sent_at,
        "body": body,
        "plaintext": plaintext,
        "value": value,
        "target": hashlib.sha1(bencoded(value)).digest(),
    }


def merge(dice: random.Random) -> dict[str, Any]:
    """Two entries that tie in as many respects as the dice say, and which of them stays."""
    one = [7, dice.randrange(1, 3), dice.randrange(1, 3), dice.choice([None, b"", b"a", b"aa", b"b"])]
    other = [7, dice.randrange(1, 3), dice.randrange(1, 3), dice.choice([None, b"", b"a", b"aa", b"b"])]

    def rank(entry: list[Any]) -> tuple[Any, ...]:
        return entry[1], entry[3] is None, entry[3] or b"", entry[2]

    return {"a": one, "b": other, "wins": max(one, other, key=rank)}


def document(seed: int, size: int) -> dict[str, Any]:
    """A whole file but for passphrases; each size of a box is among its records and messages."""
    dice = random.Random(seed)
    lengths = [0, 1, 100, 183, 184, 300, 439, 440, 700, 880]
    contents: list[list[list[Any]]] = [
        [[dice.randrange(1 << 31), dice.randrange(1 << 42), DAY, dice.randbytes(length)]] for length in lengths
    ]
    many = [[id_, dice.randrange(1 << 42), id_, None if id_ % 3 else dice.randbytes(id_)] for id_ in range(1, 30)]
    return {
        "pairs": [as_hex(pair(dice)) for _ in range(size)],
        "groups": [as_hex(group(dice)) for _ in range(size)],
        "records": [as_hex(record(dice, entries)) for entries in [[], many, *contents]],
        "merges": [as_hex(merge(dice)) for _ in range(8 * size)],
        "messages": [
            as_hex(message(dice, follows, dice.randbytes(length)))
            for length in lengths
            for follows in (None, dice.randbytes(20))
        ],
    }
