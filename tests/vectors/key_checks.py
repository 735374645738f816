"""Checks of keys, key exchange and BEP 44 signatures."""

from __future__ import annotations

from shared.format import bep44, keys
from shared.format.errors import LowOrderKeyError
from tests.vectors.document import Vector, expect

ANY_SECRETS = (bytes(range(32)), b"\xa5" * 32)
"""A low-order key gives zeros with every secret; two stand for all."""


def keypair(vector: Vector) -> None:
    expect("public key", keys.public_key(vector.hex("secret")), vector.hex("public"))


def key_exchange(vector: Vector) -> None:
    secret_a, public_b, shared = vector.hex("secret_a"), vector.hex("public_b"), vector.hex("shared")
    expect("shared secret", keys.exchange(secret_a, public_b), shared)
    for pair in vector.document.items("keypairs"):
        if pair.get("public") == public_b.hex():
            secret_b = vector.unhex(pair.get("secret"), "secret")
            expect("shared secret, from the other side", keys.exchange(secret_b, keys.public_key(secret_a)), shared)


def key_exchange_low_order(vector: Vector) -> None:
    public = vector.hex("public")
    for secret in ANY_SECRETS:
        try:
            keys.exchange(secret, public)
            refused = False
        except LowOrderKeyError:
            refused = True
        expect("refused", refused, vector.integer("libsodium_rc") != 0)
    vector.notes.append("the original went on with whatever was in memory; ours refuses")


def shared_secret_to_ed25519(vector: Vector) -> None:
    public, signing = keys.signing_pair(vector.hex("shared_secret_is_seed"))
    expect("Ed25519 public key", public, vector.hex("ed25519_public"))
    expect("Ed25519 secret key", signing, vector.hex("ed25519_secret64"))
    expect("target", bep44.mutable_target(public), vector.hex("dht_target"))
    for salted in vector.children("dht_target_salted"):
        salt = salted.hex("salt")
        expect(f"target with salt {salt.hex()}", bep44.mutable_target(public, salt), salted.hex("target"))


def bep44_signature(vector: Vector) -> None:
    public, signing = keys.signing_pair(vector.hex("seed"))
    expect("public key", public, vector.hex("public"))
    signed = bep44.signable_bytes(vector.hex("v_bencoded"), vector.integer("seq"), vector.hex("salt"))
    expect("signed bytes", signed, vector.hex("signed_bytes"))
    if vector.flag("DhtImpl_Verify"):
        expect("signature", keys.sign(signing, signed), vector.hex("signature"))
    bep44_published(vector)


def bep44_published(vector: Vector) -> None:
    public, salt = vector.hex("public"), vector.hex("salt")
    signed = bep44.signable_bytes(vector.hex("v_bencoded"), vector.integer("seq"), salt)
    expect("verified", keys.verify(public, signed, vector.hex("signature")), vector.flag("DhtImpl_Verify"))
    expect("target", bep44.mutable_target(public, salt), vector.hex("target"))
