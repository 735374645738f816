from __future__ import annotations

import pytest

from shared.format import keys
from shared.format.errors import FieldError, LowOrderKeyError

ALICE, BOB = b"a" * 32, b"b" * 32
P = 2**255 - 19
LOW_ORDER = [
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        P - 1,
        P,
        P + 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    )
]
"""Every u-coordinate below 2^255 whose order divides 8 (RFC 7748, section 6.1; Bernstein, "Curve25519")."""


def test_both_sides_agree_on_a_secret() -> None:
    assert keys.exchange(ALICE, keys.public_key(BOB)) == keys.exchange(BOB, keys.public_key(ALICE))


@pytest.mark.parametrize("public", LOW_ORDER, ids=lambda key: key.hex()[:8])
@pytest.mark.parametrize("top_bit", [0, 0x80])
def test_a_low_order_key_is_refused(public: bytes, top_bit: int) -> None:
    disguised = public[:31] + bytes([public[31] | top_bit])
    with pytest.raises(LowOrderKeyError, match="full order"):
        keys.exchange(ALICE, disguised)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_size_never_reach_libsodium(size: int) -> None:
    wrong = b"k" * size
    for act in (
        lambda: keys.public_key(wrong),
        lambda: keys.exchange(wrong, BOB),
        lambda: keys.exchange(ALICE, wrong),
        lambda: keys.signing_pair(wrong),
        lambda: keys.sign(wrong, b"message"),
    ):
        with pytest.raises(FieldError, match=rf"got {size}$"):
            act()


def test_a_signature_holds_for_its_message_and_key_only() -> None:
    public, signing = keys.signing_pair(ALICE)
    other, _ = keys.signing_pair(BOB)
    signature = keys.sign(signing, b"message")
    assert keys.verify(public, b"message", signature)
    assert not keys.verify(public, b"messagf", signature)
    assert not keys.verify(other, b"message", signature)
    assert not keys.verify(public, b"message", signature[:63])
    assert not keys.verify(public[:31], b"message", signature)
    assert not keys.verify(public, b"message", b"")


def test_an_error_never_quotes_a_key() -> None:
    with pytest.raises(FieldError) as caught:
        keys.public_key(b"secret-stuff")
    assert "secret-stuff" not in str(caught.value)
