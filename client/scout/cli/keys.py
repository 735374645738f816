"""`keygen`, `exchange`, `link`: from a secret key to something that two people share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from scout.cli.context import Invocation, invocation, run_with_client
from scout.cli.failures import CommandError
from scout.client import Client
from scout.link import Link
from scout.profile import Profile, SavedLink
from scout.secretfiles import SECRET_SIZE, Kind, read_secret, write_secret
from shared.format import keys
from shared.format.members import member_of_pair
from shared.settings import Secret

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
        f"Give it to your peers. The secret key is in {path}: back that file up, nobody can make it again.",
    )


def exchange(
    context: typer.Context,
    peer: PublicKey,
    key: KeyFile = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to keep the shared secret.", show_default=False)
    ] = None,
) -> None:
    """Make the secret that you share with a peer, on this machine, from your secret key and their public key."""
    at = invocation(context)
    mine = read_secret(key or at.key_file, Kind.SECRET_KEY).reveal().reveal()
    theirs = public_key_from(peer)
    path = out or at.home / f"shared-{peer[:8].lower()}.secret"
    member = member_of_pair(keys.public_key(mine), theirs)
    write_secret(path, Kind.SHARED_SECRET, Secret(keys.exchange(mine, theirs)), member)
    at.output.result(
        {"file": str(path), "member": member},
        f"The shared secret is in {path}; you are member {member}. "
        f"Use it with `scout link NAME --secret {path}`, and keep it as you keep a key.",
    )


def link(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the link from now on.")],
    peer: Annotated[str | None, typer.Option(metavar="PUBLIC_KEY", help="Link with the owner of this key.")] = None,
    secret: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Link by a shared secret's file, or - for standard input.")
    ] = None,
    member: Annotated[int | None, typer.Option(min=0, help="Which holder of the secret you are.")] = None,
    key: KeyFile = None,
) -> None:
    """Link with a peer, and remember the link under a name.

    With --peer your secret key is handed to the service (once) for a handle that only it can open;
    with --secret the service gets the shared secret only, and your key never leaves this machine.
    """
    at = invocation(context)
    if (peer is None) == (secret is None):
        raise CommandError("expected either --peer PUBLIC_KEY or --secret FILE")
    profile = at.profile()
    if secret is not None:
        made = _link_by_secret(at, secret, member)
    else:
        profile, made = _link_with_peer(at, profile, public_key_from(peer or ""), key)
    saved = SavedLink(link=made.handle, format=made.format, member=made.member)
    url = at.service(profile)
    at.remember(msgspec.structs.replace(profile, url=url, links=profile.links | {name: saved}))
    at.output.result(
        {"name": name, "format": saved.format, "member": saved.member, "url": url},
        f"Linked as [bold]{name}[/bold] at {url}; you are member {saved.member}. "
        f"Next: `scout announce {name} HOST:PORT`, `scout devices {name}`.",
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


def _link_by_secret(at: Invocation, path: Path, member: int | None) -> Link:
    stored = read_secret(path, Kind.SHARED_SECRET)
    chosen = member if member is not None else stored.member
    if chosen is None:
        raise CommandError(f"expected --member: {path} does not say which holder of the secret you are")
    shared = stored.reveal().reveal()
    return run_with_client(at, "Linking", lambda client: client.link_from_secret(shared, chosen))


def _link_with_peer(at: Invocation, profile: Profile, peer: bytes, key: Path | None) -> tuple[Profile, Link]:
    secret = read_secret(key or at.key_file, Kind.SECRET_KEY).reveal().reveal()

    async def work(client: Client) -> tuple[Profile, Link]:
        imported = await client.import_key(secret)
        made = await client.create_link(imported, peer)
        return msgspec.structs.replace(profile, key=imported.key, public_key=imported.public_key.hex()), made

    return run_with_client(at, "Linking", work)
