"""Which secret a link is made of, and which member its holder is: for each way that there is to ask for one."""

from __future__ import annotations

import asyncio

from services.crypto.handles import Handles, Kind
from shared.contracts import crypto
from shared.errors import ErrorCode, ScoutError
from shared.format.problems import checked
from shared.links import making

MAX_PASSPHRASES = 1
"""Passphrases hashed at once: one takes 256 MiB and a core for about a second (libsodium's MODERATE limits), and a
replica has half a gigabyte."""

MAX_WAITING = 8
"""Passphrases that may wait for their turn: more would not be done within a request's deadline."""

MAX_PASSPHRASE = 1024
MAX_GROUP = 256
"""Characters."""

RETRY_AFTER = 5.0

Made = tuple[bytes, int]
"""The secret to wrap (32 bytes), and the member number."""


class Secrets:
    """Makes the secrets of links."""

    def __init__(self, handles: Handles) -> None:
        """Open the handles of keys with `handles`."""
        self._handles = handles
        self._lanes = asyncio.Semaphore(MAX_PASSPHRASES)
        self._waiting = 0

    async def of_link(self, request: crypto.CreateLink, tenant: str) -> Made:
        """The secret that a request asks for. Raises ScoutError (`invalid_request`, `bad_handle`, `overloaded`, …)."""
        match _given(request):
            case {"key": str(key), "peer": bytes(peer)}:
                secret_key = self._handles.unwrap(Kind.KEY, tenant, key)
                return checked(lambda: making.secret_of_pair(request.format, secret_key, peer))
            case {"secret": bytes(secret)}:
                return checked(lambda: making.secret_of_group(request.format, secret)), request.member or 0
            case {"root": bytes(root)}:
                _only_scout2(request.format, "a root secret")
                return root, request.member or 0
            case {"passphrase": str(words), "group": str(group), "member": int(member)}:
                return await self._of_passphrase(request.format, words, group), member
            case _:
                raise _invalid(
                    "expected one of: a key and a peer, whose member the keys decide; a secret or a root, perhaps with "
                    "a member; a passphrase, a group and a member"
                )

    async def _of_passphrase(self, format_name: crypto.FormatName, passphrase: str, group: str) -> bytes:
        """Hash a passphrase beside the event loop, few at a time."""
        _only_scout2(format_name, "a passphrase")
        if len(passphrase) > MAX_PASSPHRASE or len(group) > MAX_GROUP:
            raise _invalid(f"expected at most {MAX_PASSPHRASE} characters of passphrase and {MAX_GROUP} of group")
        if self._waiting >= MAX_WAITING:
            raise ScoutError(
                ErrorCode.OVERLOADED, f"{MAX_WAITING} passphrases are being hashed.", retry_after=RETRY_AFTER
            )
        self._waiting += 1
        try:
            async with self._lanes:
                return await asyncio.to_thread(checked, lambda: making.secret_of_passphrase(passphrase, group))
        finally:
            self._waiting -= 1


_WAYS = (
    frozenset({"key", "peer"}),
    frozenset({"secret"}),
    frozenset({"root"}),
    frozenset({"passphrase", "group", "member"}),
    frozenset({"secret", "member"}),
    frozenset({"root", "member"}),
)


def _given(request: crypto.CreateLink) -> dict[str, object]:
    """What a request gives, if it is one of the ways to ask for a link; otherwise nothing."""
    fields = ("key", "peer", "secret", "root", "passphrase", "group", "member")
    given = {name: value for name in fields if (value := getattr(request, name)) is not None}
    return given if frozenset(given) in _WAYS else {}


def _only_scout2(format_name: crypto.FormatName, what: str) -> None:
    if format_name != "scout2":
        raise _invalid(f"expected the format scout2 with {what}, got {format_name}")


def _invalid(sentence: str) -> ScoutError:
    return ScoutError(ErrorCode.INVALID_REQUEST, sentence)
