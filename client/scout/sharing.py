"""What people share, as a secret file holds it, and the link that it makes with any client.

All raise ScoutApiError for what makes no link.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from scout.local import opening
from scout.local.link import as_client_errors
from scout.secretfiles import Kind, StoredSecret
from shared.contracts.crypto import FormatName
from shared.format.problems import checked
from shared.links import making

L_co = TypeVar("L_co", covariant=True)

IN_FILES = (Kind.ROOT_SECRET, Kind.SHARED_SECRET, Kind.GROUP_SECRET)
"""The kinds of secrets that make a link."""


class Linking(Protocol[L_co]):
    """What of a client is needed, whatever its links are like."""

    async def link_from_root(self, root: bytes, member: int) -> L_co:
        """A link from a root secret of scout2."""

    async def link_from_secret(self, secret: bytes, member: int, *, format: FormatName = "scout2") -> L_co:  # noqa: A002  # the service's word
        """A link from a secret that its holders share."""


def of_pair(secret_key: bytes, peer: bytes, format_name: FormatName) -> StoredSecret:
    """What a pair shares, from an X25519 secret key and a peer's public key (32 bytes each)."""
    with as_client_errors():
        secret, member = checked(lambda: making.secret_of_pair(format_name, secret_key, peer))
    kind = Kind.ROOT_SECRET if format_name == "scout2" else Kind.SHARED_SECRET
    return StoredSecret(kind=kind, secret=secret.hex(), member=member)


def of_passphrase(words: str, group: str, member: int) -> StoredSecret:
    """What a group shares by its words and its name; takes about a second."""
    with as_client_errors():
        root = checked(lambda: making.secret_of_passphrase(words, group))
    return StoredSecret(kind=Kind.ROOT_SECRET, secret=root.hex(), member=member)


def format_of(stored: StoredSecret) -> FormatName:
    """The format of its link: what a pair shares in scout1 would be another link, which the peer has not, in scout2."""
    return "scout1" if stored.kind is Kind.SHARED_SECRET else "scout2"


def require_link(stored: StoredSecret, member: int) -> None:
    """Raise unless there is a link of this secret and member number. Nothing is sent."""
    secret = stored.reveal().reveal()
    if stored.kind is Kind.ROOT_SECRET:
        opening.of_root(secret, member)
    else:
        opening.of_secret(secret, member, format_of(stored))


async def link_of(client: Linking[L_co], stored: StoredSecret, member: int) -> L_co:
    """The link of this secret, as one of its members."""
    secret = stored.reveal().reveal()
    if stored.kind is Kind.ROOT_SECRET:
        return await client.link_from_root(secret, member)
    return await client.link_from_secret(secret, member, format=format_of(stored))
