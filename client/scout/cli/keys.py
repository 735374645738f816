"""`keygen`, `exchange`, `link`: from a secret key to something that two people share."""

from __future__ import annotations

import os
from enum import StrEnum
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
from shared.format.scout2 import roots
from shared.settings import Secret


class FormatChoice(StrEnum):
    """How a record is written."""

    SCOUT2 = "scout2"
    SCOUT1 = "scout1"


FormatOption = Annotated[FormatChoice, typer.Option("--format", help="scout1 for a peer that runs the original.")]
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
    format_: FormatOption = FormatChoice.SCOUT2,
) -> None:
    """Make the secret that you share with a peer, on this machine, from your secret key and their public key."""
    at = invocation(context)
    mine = read_secret(key or at.key_file, Kind.SECRET_KEY).reveal().reveal()
    theirs = public_key_from(peer)
    path = out or at.home / f"shared-{peer[:8].lower()}.secret"
    if format_ is FormatChoice.SCOUT1:
        member = member_of_pair(keys.public_key(mine), theirs)
        write_secret(path, Kind.SHARED_SECRET, Secret(keys.exchange(mine, theirs)), member)
    else:
        root, member = roots.of_pair(mine, theirs)
        write_secret(path, Kind.ROOT_SECRET, Secret(root), member)
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
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Link a group by words that it shares; they are asked for.")
    ] = None,
    member: Annotated[int | None, typer.Option(min=0, help="Which holder of the secret you are.")] = None,
    key: KeyFile = None,
    format_: FormatOption = FormatChoice.SCOUT2,
) -> None:
    """Link with a peer or a group, and remember the link under a name.

    With --peer your secret key is handed to the service (once) for a handle that only it can open;
    with --secret the service gets the shared secret only, and your key never leaves this machine.
    """
    at = invocation(context)
    if [peer, secret, group].count(None) != 2:  # noqa: PLR2004  # one of the three
        raise CommandError("expected one of --peer PUBLIC_KEY, --secret FILE and --group NAME")
    profile = at.profile()
    if secret is not None:
        made = _link_by_secret(at, secret, member, format_)
    elif group is not None:
        made = _link_by_passphrase(at, group, member)
    else:
        profile, made = _link_with_peer(at, profile, public_key_from(peer or ""), key, format_)
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


def _link_by_secret(at: Invocation, path: Path, member: int | None, format_: FormatChoice) -> Link:
    usual = Kind.SHARED_SECRET if format_ is FormatChoice.SCOUT1 else Kind.GROUP_SECRET
    stored = read_secret(path, usual, Kind.SHARED_SECRET, Kind.ROOT_SECRET)
    chosen = member if member is not None else stored.member
    if chosen is None:
        raise CommandError(f"expected --member: {path} does not say which holder of the secret you are")
    secret = stored.reveal().reveal()
    if stored.kind is Kind.ROOT_SECRET:
        return run_with_client(at, "Linking", lambda client: client.link_from_root(secret, chosen))
    # what a pair shares in scout1 would be another link, which the peer does not have, in scout2
    chosen_format = FormatChoice.SCOUT1 if stored.kind is Kind.SHARED_SECRET else format_
    return run_with_client(
        at, "Linking", lambda client: client.link_from_secret(secret, chosen, format=chosen_format.value)
    )


def _link_by_passphrase(at: Invocation, group: str, member: int | None) -> Link:
    if member is None:
        raise CommandError("expected --member: a number that nobody else in the group uses")
    words = typer.prompt("The group's words", hide_input=True, err=True)
    return run_with_client(at, "Linking", lambda client: client.link_from_passphrase(words, group, member))


def _link_with_peer(
    at: Invocation, profile: Profile, peer: bytes, key: Path | None, format_: FormatChoice
) -> tuple[Profile, Link]:
    secret = read_secret(key or at.key_file, Kind.SECRET_KEY).reveal().reveal()

    async def work(client: Client) -> tuple[Profile, Link]:
        imported = await client.import_key(secret)
        made = await client.create_link(imported, peer, format=format_.value)
        return msgspec.structs.replace(profile, key=imported.key, public_key=imported.public_key.hex()), made

    return run_with_client(at, "Linking", work)
