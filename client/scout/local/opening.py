"""From what people share to a link at work, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from scout.errors import ScoutApiError
from shared.contracts.crypto import FormatName
from shared.format import keys
from shared.format.errors import FormatError
from shared.format.members import member_of_pair
from shared.format.problems import scout_error
from shared.format.scout2 import roots
from shared.links.ports import Link
from shared.links.scout1 import Scout1Link
from shared.links.scout2 import Scout2Link

T = TypeVar("T")


def of_pair(secret_key: bytes, peer: bytes, format_name: FormatName) -> Link:
    """The link of an X25519 secret key and a peer's public key (32 bytes each). Raises ScoutApiError."""
    if format_name == "scout2":
        return _checked(lambda: Scout2Link(*roots.of_pair(secret_key, peer)))
    shared = _checked(lambda: keys.exchange(secret_key, peer))
    return _checked(lambda: Scout1Link(shared, member_of_pair(keys.public_key(secret_key), peer)))


def of_secret(secret: bytes, member: int, format_name: FormatName) -> Link:
    """The link of a group's secret, or in scout1 of a pair's (32 bytes). Raises ScoutApiError."""
    if format_name == "scout2":
        return _checked(lambda: Scout2Link(roots.of_group(secret), member))
    return _checked(lambda: Scout1Link(secret, member))


def of_root(root: bytes, member: int) -> Link:
    """The link of a root secret of scout2 (32 bytes). Raises ScoutApiError."""
    return _checked(lambda: Scout2Link(root, member))


async def of_passphrase(passphrase: str, group: str, member: int) -> Link:
    """The link of a group's words and name, in scout2; takes about a second, beside the loop. Raises ScoutApiError."""
    secret = await asyncio.to_thread(_checked, lambda: roots.group_secret_of(passphrase.encode(), group.encode()))
    return of_secret(secret, member, "scout2")


def _checked(action: Callable[[], T]) -> T:
    try:
        return action()
    except FormatError as error:
        refused = scout_error(error)
        raise ScoutApiError(refused.code.value, refused.detail, status=0, facts=dict(refused.facts)) from None
