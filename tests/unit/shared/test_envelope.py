from __future__ import annotations

import msgspec
import pytest

from shared.contracts.envelope import DecodeError, Envelope, ErrorBody, ReplyEnvelope, decode, encode, encode_error
from shared.errors import ErrorCode, ScoutError
from tests.support.bus import Say

ENVELOPE = Envelope(b"i" * 16, "echo.say@1", "scout:replies:x", 1_700_000_000_000, "acme", "t-1", b"body")


def test_an_envelope_survives_the_wire() -> None:
    assert decode(Envelope, encode(ENVELOPE)) == ENVELOPE


def test_a_field_of_a_later_version_is_passed_over() -> None:
    later = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode(ENVELOPE)), "a field of tomorrow"])
    assert decode(Envelope, later) == ENVELOPE


def test_a_field_with_a_default_may_be_missing() -> None:
    earlier = msgspec.msgpack.encode(msgspec.msgpack.decode(encode(ENVELOPE))[:-1])
    assert decode(Envelope, earlier) == ENVELOPE


def test_a_batch_of_replies_survives_the_wire() -> None:
    batch = [ReplyEnvelope(b"a" * 16, ok=True, body=b"x"), ReplyEnvelope(b"b" * 16, ok=False, body=b"")]
    assert decode(list[ReplyEnvelope], encode(batch)) == batch


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x00", encode(ENVELOPE)[:-3], msgspec.msgpack.encode([1, 2, 3])])
def test_what_is_no_envelope(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(Envelope, data)


def test_the_complaint_does_not_quote_what_came() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(Say, msgspec.msgpack.encode({"text": ["secret"]}))
    assert str(caught.value) == "Expected `str`, got `array` - at `$.text`"


def test_an_error_survives_the_wire() -> None:
    error = ScoutError(ErrorCode.CONFLICT, "tried 5 times", retry_after=0.5, facts={"seq": 2**40, "list": [1, "a"]})
    again = decode(ErrorBody, encode_error(error)).error()
    assert (again.code, again.detail, again.retry_after, again.facts) == (
        error.code,
        error.detail,
        error.retry_after,
        error.facts,
    )


def test_facts_of_any_kind_travel_as_their_text() -> None:
    error = ScoutError(ErrorCode.INTERNAL, "x", facts={"odd": 1 + 2j})
    assert decode(ErrorBody, encode_error(error)).facts == {"odd": "(1+2j)"}


def test_a_code_of_a_later_version_becomes_internal() -> None:
    assert ErrorBody("code_of_tomorrow", "x").error().code is ErrorCode.INTERNAL
