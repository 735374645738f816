"""What a device's entry says, the same in both formats: a MessagePack map `{"a": addresses, "n": name, "x": data}`.

All three may be missing; keys that we do not know are passed over, so that a newer writer can add some. A content that
is no such map was written by another application: `decode` says so with an error of its own, and it is shown raw.
Addresses are compact (BEP 5, BEP 32): 4 or 16 bytes of IP address and 2 of port.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

from shared.format.errors import FieldError, FormatError

_IPV4_SIZE = 6
_IPV6_SIZE = 18
_PORT_SIZE = 2
_PORT = re.compile("[0-9]{1,5}")
_MAX_PORT = 0xFFFF


class ForeignContentError(FormatError):
    """This content is not a device's map: another application wrote it."""


class Device(msgspec.Struct, frozen=True, omit_defaults=True, rename={"addresses": "a", "name": "n", "data": "x"}):
    """One device."""

    addresses: tuple[bytes, ...] = ()
    """Compact addresses: 6 bytes for IPv4, 18 for IPv6."""
    name: str | None = None
    data: bytes | None = None
    """The application's own; this package does not look into it."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Device)


def encode(device: Device) -> bytes:
    """The content of a device's entry. Raises FieldError for an address that is not compact."""
    for address in device.addresses:
        if len(address) not in {_IPV4_SIZE, _IPV6_SIZE}:
            raise FieldError(f"expected an address of {_IPV4_SIZE} or {_IPV6_SIZE} bytes, got {len(address)}")
    try:
        return _encoder.encode(device)
    except UnicodeEncodeError:
        raise FieldError("expected a name that is Unicode text") from None


def decode(content: bytes) -> Device:
    """The device in an entry's content. Raises ForeignContentError when it is none."""
    try:
        device = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ForeignContentError("expected the MessagePack map of a device") from None
    if any(len(address) not in {_IPV4_SIZE, _IPV6_SIZE} for address in device.addresses):
        raise ForeignContentError(f"expected addresses of {_IPV4_SIZE} or {_IPV6_SIZE} bytes")
    return device


def address_from_text(text: str) -> bytes:
    """The compact form of `198.51.100.4:443` or `[2001:db8::1]:443`. Raises FieldError."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.IPv6Address(host[1:-1]) if bracketed else ipaddress.IPv4Address(host)
    except ValueError:
        raise _not_an_address(text) from None
    if "%" in host or not _PORT.fullmatch(port) or not 0 < int(port) <= _MAX_PORT:
        raise _not_an_address(text)
    return address.packed + int(port).to_bytes(_PORT_SIZE, "big")


def address_to_text(compact: bytes) -> str:
    """The text form of a compact address. Raises FieldError."""
    if len(compact) not in {_IPV4_SIZE, _IPV6_SIZE}:
        raise FieldError(f"expected an address of {_IPV4_SIZE} or {_IPV6_SIZE} bytes, got {len(compact)}")
    host = ipaddress.ip_address(compact[:-_PORT_SIZE])
    port = int.from_bytes(compact[-_PORT_SIZE:], "big")
    return f"{host}:{port}" if len(compact) == _IPV4_SIZE else f"[{host}]:{port}"


def _not_an_address(text: str) -> FieldError:
    return FieldError(f"expected an address like 198.51.100.4:443 or [2001:db8::1]:443, got {text[:64]!r}")
