"""Keys and links: what the crypto service wraps into handles, so that nobody has to store anything."""

from __future__ import annotations

from typing import get_args

from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.usecases.ports import Crypto

FORMATS: tuple[crypto.FormatName, ...] = get_args(crypto.FormatName)
"""In which a link can be made."""

DEFAULT_FORMAT: crypto.FormatName = "scout2"


async def create_key(port: Crypto, secret: bytes | None, context: CallContext) -> crypto.CreateKeyReply:
    """Make an X25519 secret, or import `secret` (32 bytes)."""
    return await port.create_key(crypto.CreateKey(secret=secret), context)


async def create_link(port: Crypto, request: crypto.CreateLink, context: CallContext) -> crypto.CreateLinkReply:
    """Make a link.

    Raises ScoutError: `bad_handle`, `low_order_public_key`, `overloaded` while too many passphrases are being hashed,
    `invalid_request` for what makes no link, one's own public key among it.
    """
    return await port.create_link(request, context)


async def rewrap(port: Crypto, handle: str, context: CallContext) -> crypto.RewrapReply:
    """Move a handle to the newest master key. Raises ScoutError (`bad_handle`)."""
    return await port.rewrap(crypto.Rewrap(handle=handle), context)


def known_format(name: str) -> crypto.FormatName:
    """The format of this name. Raises ScoutError (`invalid_request`) for one that is not built in."""
    if name not in FORMATS:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"Expected the format {' or '.join(FORMATS)}, got {name[:32]!r}.",
            facts={"supported": list(FORMATS)},
        )
    return name
