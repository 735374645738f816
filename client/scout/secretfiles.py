"""Secrets in files: readable by their owner only, never overwritten, never on a command line or in the environment.

A file is one JSON object, so that a secret key and a shared secret can't be mistaken for each other:
`{"kind": "x25519-secret-key", "secret": "<64 hex digits>"}`, a shared secret also with `"member"`.
The bare 64 hex digits are read too: that is how other programs keep them.
"""

from __future__ import annotations

import stat
import sys
from enum import StrEnum
from pathlib import Path

import msgspec

from shared.private_files import create_private_file, make_private_directory
from shared.settings import Secret

SECRET_SIZE = 32
_LONGEST_FILE = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFileError(Exception):
    """A secret can't be read or written; the sentence names the file and never its content."""


class Kind(StrEnum):
    """What the 32 bytes are."""

    SECRET_KEY = "x25519-secret-key"  # noqa: S105  # the name of a kind
    SHARED_SECRET = "shared-secret"  # noqa: S105  # the name of a kind
    """What a pair shares in scout1."""
    ROOT_SECRET = "scout2-root-secret"  # noqa: S105  # the name of a kind
    """What a pair or a group shares in scout2."""
    GROUP_SECRET = "group-secret"  # noqa: S105  # the name of a kind
    """What a group's root secret is made of, in scout2."""


class StoredSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret file's content; `member` (0 or 1) is which of the pair its owner is, in what a pair shares."""

    kind: Kind
    secret: str
    member: int | None = None

    def __repr__(self) -> str:
        """The kind only."""
        return f"StoredSecret(kind={self.kind.value})"

    def reveal(self) -> Secret:
        """The 32 bytes."""
        return Secret(bytes.fromhex(self.secret))


def create_secret_file(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read; its directory is made if need be.

    Raises SecretFileError, also when the file is already there.
    """
    _make_directory(path.parent)
    try:
        create_private_file(path, content)
    except FileExistsError:
        raise SecretFileError(f"{path} is already there, and a secret is never overwritten") from None
    except OSError as error:
        raise SecretFileError(f"can't write {path}: {error.strerror}") from error


def _make_directory(path: Path) -> None:
    try:
        make_private_directory(path)
    except OSError as error:
        raise SecretFileError(f"expected a directory at {path}, or room for one: {error.strerror}") from error


def write_secret(path: Path, kind: Kind, secret: Secret, member: int | None = None) -> None:
    """Keep `secret` in a new file of the owner's. Raises SecretFileError."""
    stored = StoredSecret(kind=kind, secret=secret.reveal().hex(), member=member)
    create_secret_file(path, msgspec.json.encode(stored) + b"\n")


def read_secret(path: Path, kind: Kind, *others: Kind) -> StoredSecret:
    """Read a secret of `kind`, or of one of the `others`, from a file, or standard input when `path` is `-`.

    Bare digits are of `kind`. Raises SecretFileError.
    """
    text = _read(path).strip()
    if not text.startswith(b"{"):
        return _checked(StoredSecret(kind=kind, secret=text.decode(errors="replace")), path)
    try:
        stored = msgspec.json.decode(text, type=StoredSecret)
    except msgspec.DecodeError:
        raise SecretFileError(f"{path}: expected a secret file as `scout` writes it, or 64 hex digits") from None
    if stored.kind not in {kind, *others}:
        expected = " or ".join(f"a {each.value}" for each in (kind, *others))
        raise SecretFileError(f"{path}: expected {expected}, got a {stored.kind.value}")
    return _checked(stored, path)


def exposed(path: Path) -> bool:
    """Whether others on this machine may read or write a file; False for one that is not there."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def read_text_secret(path: Path) -> str:
    """A secret that is text, as an API key: the file's first line, or standard input's. Raises SecretFileError."""
    return text_secret(_read(path), str(path))


def text_secret(content: bytes, where: str) -> str:
    """A secret that fits into a header. Raises SecretFileError, which says where it stood."""
    text = content.decode(errors="replace").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SecretFileError(f"{where}: expected one line of visible ASCII characters")
    return text


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(_LONGEST_FILE)
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE)
    except OSError as error:
        raise SecretFileError(f"can't read {path}: {error.strerror}") from error


def _checked(stored: StoredSecret, path: Path) -> StoredSecret:
    try:
        size = len(bytes.fromhex(stored.secret))
    except ValueError:
        size = 0
    if size != SECRET_SIZE:
        raise SecretFileError(f"{path}: expected a secret of {SECRET_SIZE} bytes as {2 * SECRET_SIZE} hex digits")
    return stored
