"""From what people share to the secret of a link, and from that to the link: the same wherever its keys are held.

All raise FormatError for what makes no link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.contracts.crypto import FormatName
from shared.format import keys
from shared.format.errors import FieldError
from shared.format.members import member_of_pair
from shared.format.scout2 import roots
from shared.links.ports import Link
from shared.links.scout1 import Scout1Link
from shared.links.scout2 import Scout2Link

LINKS: Mapping[FormatName, Callable[[bytes, int], Link]] = {"scout1": Scout1Link, "scout2": Scout2Link}
"""Format -> the link of a secret (32 bytes: in scout1 the shared one, in scout2 the root) and a member number."""


def secret_of_pair(format_name: FormatName, secret_key: bytes, peer: bytes) -> tuple[bytes, int]:
    """What a pair shares, and my member number: from my X25519 secret key and a peer's public key (32 bytes each)."""
    if format_name == "scout2":
        return roots.of_pair(secret_key, peer)
    return keys.exchange(secret_key, peer), member_of_pair(keys.public_key(secret_key), peer)


def secret_of_group(format_name: FormatName, secret: bytes) -> bytes:
    """What a group shares, from its secret (32 bytes); in scout1 that very secret."""
    return roots.of_group(secret) if format_name == "scout2" else secret


def secret_of_passphrase(passphrase: str, group: str) -> bytes:
    """What a group shares by its words and its name, in scout2; takes 256 MiB and about a second, on purpose."""
    try:
        words, name = passphrase.encode(), group.encode()
    except UnicodeEncodeError:
        raise FieldError("expected Unicode text in passphrase and group") from None
    return roots.of_group(roots.group_secret_of(words, name))
