"""Keys and links: what the crypto service wraps into handles, so that nobody has to store anything."""

from __future__ import annotations

from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.usecases.ports import Crypto

FORMATS = ("scout1",)
"""In which a link can be made."""


async def create_key(port: Crypto, secret: bytes | None, context: CallContext) -> crypto.CreateKeyReply:
    """Make an X25519 secret, or import `secret` (32 bytes)."""
    return await port.create_key(crypto.CreateKey(secret=secret), context)


async def link_to_peer(port: Crypto, key: str, peer: bytes, context: CallContext) -> crypto.CreateLinkReply:
    """Link the owner of the handle `key` with the owner of the public key `peer` (32 bytes).

    Raises ScoutError: `bad_handle`, `low_order_public_key`, `invalid_request` for one's own public key.
    """
    return await port.create_link(crypto.CreateLink(key=key, peer=peer), context)


async def link_from_secret(port: Crypto, secret: bytes, member: int, context: CallContext) -> crypto.CreateLinkReply:
    """Link all who hold `secret` (32 bytes); `member` (0 … 2^31 - 1) tells them apart, and each takes another one."""
    return await port.create_link(crypto.CreateLink(secret=secret, member=member), context)


def only_scout1(name: str) -> None:
    """Raise ScoutError (`invalid_request`) for a format that is not built in."""
    if name not in FORMATS:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"Expected the format {' or '.join(FORMATS)}, got {name[:32]!r}.",
            facts={"supported": list(FORMATS)},
        )
