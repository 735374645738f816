from __future__ import annotations

import pytest

from shared.format import bep44, keys, members
from shared.format.errors import EntryTooLargeError, FieldError, LowOrderKeyError, RecordFullError, UnsealError
from shared.format.problems import scout_error
from shared.format.scout1 import link

SECRET = b"s3cr3t--" * 4


def test_a_link_is_found_and_signed_with_the_key_of_its_secret() -> None:
    derived = link.derive(SECRET, member=1)
    assert derived.target == bep44.mutable_target(derived.public_key)
    assert keys.verify(derived.public_key, b"m", keys.sign(derived.signing_key, b"m"))
    assert derived.message_key != derived.record_key == SECRET


def test_a_link_does_not_show_its_secrets() -> None:
    shown = repr(link.derive(SECRET, member=1))
    assert "s3cr3t" not in shown
    assert SECRET.hex() not in shown


@pytest.mark.parametrize(("secret", "member"), [(SECRET[:31], 0), (SECRET, -1), (SECRET, 2**31)])
def test_what_does_not_make_a_link_is_named(secret: bytes, member: int) -> None:
    with pytest.raises(FieldError):
        link.derive(secret, member)


def test_the_lower_public_key_is_member_0() -> None:
    low, high = b"\x01" + bytes(31), b"\x02" + bytes(31)
    assert (members.member_of_pair(low, high), members.member_of_pair(high, low)) == (0, 1)
    with pytest.raises(FieldError, match="my own"):
        members.member_of_pair(low, low)


def test_errors_of_the_format_have_codes_and_figures() -> None:
    full = scout_error(RecordFullError(1000, 956))
    assert (full.code, full.facts) == ("record_full", {"size": 1000, "limit": 956})
    large = scout_error(EntryTooLargeError(256, 255, 7))
    assert (large.code, large.facts) == ("entry_too_large", {"size": 256, "limit": 255, "id": 7})
    assert scout_error(LowOrderKeyError("zero")).code == "low_order_public_key"
    assert scout_error(UnsealError("no")).code == "invalid_request"
