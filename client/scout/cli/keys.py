"""`keygen`, `exchange`: a secret key, and what its owner shares with a peer. Both speak to nobody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from scout import sharing
from scout.cli.context import invocation
from scout.cli.failures import CommandError
from scout.secretfiles import SECRET_SIZE, Kind, write_secret
from shared.contracts.crypto import FormatName
from shared.format import keys
from shared.settings import Secret

FormatOption = Annotated[FormatName, typer.Option("--format", help="scout1 for a peer that runs the original.")]
PublicKey = Annotated[str, typer.Argument(metavar="PUBLIC_KEY", help="Your peer's public key: 64 hex digits.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Your secret key's file, or - for standard input.")
]


def keygen(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to keep the secret key.")] = None,
) -> None:
    """Make a secret key on this machine, and show the public key that belongs to it."""
    at = invocation(context)
    path = out or at.key_file
    secret = Secret(os.urandom(SECRET_SIZE))
    write_secret(path, Kind.SECRET_KEY, secret)
    public_key = keys.public_key(secret.reveal()).hex()
    at.output.result(
        {"public_key": public_key, "file": str(path)},
        f"Public key: [bold]{public_key}[/bold]",
        "Give it to your peers, in a way that nobody can swap it on.",
        f"The secret key is in {escape(str(path))}, which only you can read. Back that file up: without it there is "
        "no way back to your links. Whoever has it can read and write as you.",
    )


def exchange(
    context: typer.Context,
    peer: PublicKey,
    key: KeyFile = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to keep the shared secret.", show_default=False)
    ] = None,
    format_: FormatOption = "scout2",
) -> None:
    """Make the secret that you share with a peer, on this machine, from your secret key and their public key."""
    at = invocation(context)
    theirs = public_key_from(peer)
    mine = at.read_secret(key or at.key_file, Kind.SECRET_KEY).reveal().reveal()
    path = out or at.home / f"shared-{peer[:8].lower()}.secret"
    shared = sharing.of_pair(mine, theirs, format_)
    write_secret(path, shared.kind, shared.reveal(), shared.member)
    at.output.result(
        {"file": str(path), "member": shared.member},
        f"The shared secret is in {escape(str(path))}; you are member {shared.member}. "
        f"Use it with `scout link NAME --secret {escape(str(path))}`, and keep it as you keep a key.",
    )


def public_key_from(text: str) -> bytes:
    """A public key's 32 bytes. Raises CommandError."""
    try:
        public_key = bytes.fromhex(text)
    except ValueError:
        public_key = b""
    if len(public_key) != keys.PUBLIC_KEY_SIZE:
        raise CommandError(f"expected a public key of {2 * keys.PUBLIC_KEY_SIZE} hex digits, got {text[:80]!r}")
    return public_key
