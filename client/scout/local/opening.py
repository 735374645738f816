"""From what people share to a link at work, in this process. All raise ScoutApiError."""

from __future__ import annotations

import asyncio

from scout.local.link import as_client_errors
from shared.contracts.crypto import FormatName
from shared.format.problems import checked
from shared.links import making
from shared.links.ports import Link


def of_pair(secret_key: bytes, peer: bytes, format_name: FormatName) -> Link:
    """The link of an X25519 secret key and a peer's public key (32 bytes each)."""
    with as_client_errors():
        return checked(lambda: making.LINKS[format_name](*making.secret_of_pair(format_name, secret_key, peer)))


def of_secret(secret: bytes, member: int, format_name: FormatName) -> Link:
    """The link of a group's secret, or in scout1 of a pair's (32 bytes)."""
    with as_client_errors():
        return checked(lambda: making.LINKS[format_name](making.secret_of_group(format_name, secret), member))


def of_root(root: bytes, member: int) -> Link:
    """The link of a root secret of scout2 (32 bytes)."""
    with as_client_errors():
        return checked(lambda: making.LINKS["scout2"](root, member))


async def of_passphrase(passphrase: str, group: str, member: int) -> Link:
    """The link of a group's words and name, in scout2; takes about a second, beside the loop."""
    with as_client_errors():
        root = await asyncio.to_thread(checked, lambda: making.secret_of_passphrase(passphrase, group))
    return of_root(root, member)
