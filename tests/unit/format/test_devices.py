from __future__ import annotations

import msgspec
import pytest

from shared.format import devices
from shared.format.devices import Device, ForeignContentError
from shared.format.errors import FieldError

V4, V6 = bytes.fromhex("c6336404 01bb"), bytes.fromhex("20010db8000000000000000000000001 01bb")


def test_the_map_is_the_one_of_the_format() -> None:
    content = devices.encode(Device(addresses=(V4, V6), name="phone", data=b"\0x"))
    assert msgspec.msgpack.decode(content) == {"a": [V4, V6], "n": "phone", "x": b"\0x"}
    assert devices.decode(content) == Device((V4, V6), "phone", b"\0x")


def test_all_three_are_optional() -> None:
    assert devices.encode(Device()) == b"\x80"
    assert devices.decode(b"\x80") == Device()


def test_keys_of_a_newer_writer_are_passed_over() -> None:
    assert devices.decode(msgspec.msgpack.encode({"n": "phone", "z": [1, {"a": 2}]})) == Device(name="phone")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"198.51.100.4:443",
        b"\xc1",
        b"\x80\x80",
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode({"a": [b"five!"]}),
        msgspec.msgpack.encode({"a": b"sixsix"}),
        msgspec.msgpack.encode({"n": b"bytes"}),
        msgspec.msgpack.encode({"x": "text"}),
        msgspec.msgpack.encode({1: 2}),
        b"\x81\xa1n\xa2\xff\xfe",
        b"\x81\xa1z" + b"\x91" * 5000 + b"\x00",
    ],
)
def test_any_other_content_is_foreign(content: bytes) -> None:
    with pytest.raises(ForeignContentError):
        devices.decode(content)


def test_what_can_not_be_encoded_is_named() -> None:
    with pytest.raises(FieldError, match="6 or 18 bytes, got 5"):
        devices.encode(Device(addresses=(b"five!",)))
    with pytest.raises(FieldError, match="Unicode"):
        devices.encode(Device(name="\ud800"))


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("198.51.100.4:443", V4),
        ("[2001:db8::1]:443", V6),
        ("0.0.0.0:1", bytes(5) + b"\1"),
        ("[::]:65535", bytes(16) + b"\xff\xff"),
    ],
)
def test_addresses_have_a_text_and_a_compact_form(text: str, compact: bytes) -> None:
    assert devices.address_from_text(text) == compact
    assert devices.address_to_text(compact) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "auto",
        "198.51.100.4",
        "198.51.100.4:",
        "198.51.100.4:0",
        "198.51.100.4:65536",
        "198.51.100.4:000443000",
        "198.51.100.4:+443",
        "198.51.100.4:४४३",
        "198.51.100.04:443",
        "198.51.100:443",
        "host.example:443",
        "2001:db8::1:443",
        "[2001:db8::1]",
        "[2001:db8::1]443",
        "[198.51.100.4]:443",
        "[fe80::1%eth0]:443",
        " 198.51.100.4:443",
    ],
)
def test_a_text_that_is_no_address_is_named(text: str) -> None:
    with pytest.raises(FieldError, match="expected an address like"):
        devices.address_from_text(text)


def test_a_compact_address_of_another_size_is_named() -> None:
    with pytest.raises(FieldError, match="got 7"):
        devices.address_to_text(b"seven!!")
