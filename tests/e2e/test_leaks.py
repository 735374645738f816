"""The search for leaks finds what it should: otherwise it would prove nothing."""

from __future__ import annotations

import base64

import pytest

from tests.support.leaks import leaks

SECRET = bytes(range(200, 232))


@pytest.mark.parametrize(
    "content",
    [
        SECRET,
        SECRET.hex().encode(),
        SECRET.hex().upper().encode(),
        repr(SECRET).encode(),
        base64.b64encode(SECRET),
        base64.urlsafe_b64encode(b"x" + SECRET + b"y"),
        base64.b64encode(b"xy" + SECRET + b"zz"),
        base64.b64encode(b"xyz" + SECRET + b"zz"),
        base64.urlsafe_b64encode(b"abcde" + SECRET),
    ],
)
def test_every_spelling_is_found_wherever_it_stands(content: bytes) -> None:
    assert leaks({"log": b"before " + content + b" after"}, [SECRET])


def test_other_bytes_are_no_leak() -> None:
    assert leaks({"log": base64.b64encode(bytes(range(32))) * 3}, [SECRET]) == []
