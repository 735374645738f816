"""Which secret a link is made of, and which member its holder is: for each way that there is to ask for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from services.crypto.handles import Handles, Kind
from shared.contracts import crypto
from shared.errors import ErrorCode, ScoutError
from shared.format import keys
from shared.format.errors import FormatError
from shared.format.members import member_of_pair
from shared.format.problems import scout_error
from shared.format.scout2 import roots

MAX_PASSPHRASES = 1
"""Passphrases hashed at once: one takes 256 MiB and a core for about a second (libsodium's MODERATE limits), and a
replica has half a gigabyte."""

MAX_WAITING = 8
"""Passphrases that may wait for their turn: more would not be done within a request's deadline."""

MAX_PASSPHRASE = 1024
MAX_GROUP = 256
"""Characters."""

RETRY_AFTER = 5.0

Result = TypeVar("Result")
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
                return self._of_pair(request.format, self._handles.unwrap(Kind.KEY, tenant, key), peer)
            case {"secret": bytes(secret)}:
                return self._of_secret(request.format, secret), request.member or 0
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

    def _of_pair(self, format_name: crypto.FormatName, secret_key: bytes, peer: bytes) -> Made:
        if format_name == "scout2":
            return checked(lambda: roots.of_pair(secret_key, peer))
        shared = checked(lambda: keys.exchange(secret_key, peer))
        return shared, checked(lambda: member_of_pair(keys.public_key(secret_key), peer))

    def _of_secret(self, format_name: crypto.FormatName, secret: bytes) -> bytes:
        return checked(lambda: roots.of_group(secret)) if format_name == "scout2" else secret

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
                words, name = _utf8(passphrase), _utf8(group)
                secret = await asyncio.to_thread(checked, lambda: roots.group_secret_of(words, name))
        finally:
            self._waiting -= 1
        return roots.of_group(secret)


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


def checked(action: Callable[[], Result]) -> Result:
    """What `action` returns; its FormatError, which the caller's input caused, becomes a ScoutError."""
    try:
        return action()
    except FormatError as error:
        raise scout_error(error) from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _invalid("expected Unicode text in passphrase and group") from None


def _invalid(sentence: str) -> ScoutError:
    return ScoutError(ErrorCode.INVALID_REQUEST, sentence)
