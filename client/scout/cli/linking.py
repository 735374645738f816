"""`link`: from something that people share to a name for it, with a service's handle or with a secret of this home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer
from rich.markup import escape

from scout import sharing
from scout.answers import Key
from scout.cli.context import Invocation, invocation, run_with_service
from scout.cli.failures import CommandError
from scout.cli.keys import FormatOption, KeyFile, public_key_from
from scout.client import Client
from scout.link import Link
from scout.modes import Mode
from scout.profile import Profile, SavedLink
from scout.secretfiles import Kind, StoredSecret, read_secret, write_secret
from shared.contracts.crypto import FormatName
from shared.format.members import MAX_MEMBER

DIRECTORY = "links"
"""In Scout's home: the secrets of the links that no service knows."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What makes the link: one of `peer`, `secret` and `group`."""

    peer: str | None
    secret: Path | None
    group: str | None
    member: int | None
    key: Path | None
    format: FormatName


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
    member: Annotated[
        int | None, typer.Option(min=0, max=MAX_MEMBER, help="Which holder of the secret you are.")
    ] = None,
    key: KeyFile = None,
    format_: FormatOption = "scout2",
) -> None:
    """Link with a peer or a group, and remember the link under a name.

    With --peer your secret key is handed to the service (once) for a handle that only it can open;
    with --secret the service gets the shared secret only, and your key never leaves this machine.
    With --blind or --session no service gets either: what you share is kept in a file of this home; nothing is sent.
    """
    at = invocation(context)
    if [peer, secret, group].count(None) != 2:  # noqa: PLR2004  # one of the three
        raise CommandError("expected one of --peer PUBLIC_KEY, --secret FILE and --group NAME")
    given = Given(peer=peer, secret=secret, group=group, member=member, key=key, format=format_)
    mode = at.mode_of()
    if mode is Mode.MANAGED:
        profile, saved = _by_service(at, given)
    else:
        profile, saved = at.profile(), _by_oneself(at, name, given, mode)
    profile = msgspec.structs.replace(profile, mode=mode, links=profile.links | {name: saved})
    profile = _with_way(at, mode, profile)
    at.remember(profile)
    url = None if mode is Mode.SESSION else at.service(profile)
    at.output.result(
        {"name": name, "format": saved.format, "member": saved.member, "mode": mode, "url": url},
        f"Linked as [bold]{escape(name)}[/bold], {_way(mode, url)}; you are member {saved.member}.",
        *_to_keep(at, saved),
        *(["What you leave is kept alive while a session is open: `scout session` stays."] if url is None else []),
        f"Next: `scout announce {escape(name)} HOST:PORT`, `scout devices {escape(name)}`.",
    )


def _with_way(at: Invocation, mode: Mode, profile: Profile) -> Profile:
    """The profile with what has to be remembered of how the DHT is reached."""
    if mode is not Mode.SESSION:
        return msgspec.structs.replace(profile, url=at.service(profile))
    node = at.node.or_else(profile.bootstrap, profile.listen, at.home)
    return msgspec.structs.replace(profile, bootstrap=list(node.bootstrap), listen=node.listen)


def _way(mode: Mode, url: str | None) -> str:
    return {
        Mode.MANAGED: f"by the service at {url}",
        Mode.BLIND: f"by way of {url}, which never gets a secret",
        Mode.SESSION: "by a DHT node of your own",
    }[mode]


def _to_keep(at: Invocation, saved: SavedLink) -> list[str]:
    """What is worth a backup: a link with a peer can be made again from the key, others only from what is shared."""
    if saved.secret is None:
        return []
    path = escape(str(at.home / saved.secret))
    again = "your secret key makes it again" if saved.peer else "back it up, or what you made the link from"
    return [f"Its secret is in {path}, which only you can read: {again}. Whoever has it can read and write as you."]


def _by_oneself(at: Invocation, name: str, given: Given, mode: Mode) -> SavedLink:
    """Make the link here, and keep its secret."""
    shared, member = _shared(at, given)
    sharing.require_link(shared, member)
    file = Path(DIRECTORY) / f"{quote(name, safe='')}.secret"
    _keep(at.home / file, msgspec.structs.replace(shared, secret=shared.secret.lower(), member=member), name)
    return SavedLink(format=sharing.format_of(shared), member=member, mode=mode, secret=str(file), peer=given.peer)


def _shared(at: Invocation, given: Given) -> tuple[StoredSecret, int]:
    """The secret of the link, and the caller's member number."""
    if given.secret is not None:
        return _from_file(at, given.secret, given)
    if given.group is not None:
        words, member = _words(given)
        with at.output.progress("Deriving the secret"):
            return sharing.of_passphrase(words, given.group, member), member
    peer = public_key_from(given.peer or "")
    mine = at.read_secret(given.key or at.key_file, Kind.SECRET_KEY).reveal().reveal()
    shared = sharing.of_pair(mine, peer, given.format)
    return shared, shared.member or 0


def _keep(path: Path, secret: StoredSecret, name: str) -> None:
    """Write the link's secret, unless it is there already. Raises CommandError, SecretFileError."""
    if not path.exists():
        write_secret(path, secret.kind, secret.reveal(), secret.member)
    elif read_secret(path, *sharing.IN_FILES) != secret:
        raise CommandError(
            f"expected a name for a new link: {path} holds the secret of another {name!r}, and is never overwritten",
            hint="Choose another name, or move that file away.",
        )


def _by_service(at: Invocation, given: Given) -> tuple[Profile, SavedLink]:
    """Have the service make the link, for its handle."""
    if given.peer is not None:
        return _with_peer(at, public_key_from(given.peer), given)
    if given.secret is not None:
        stored, chosen = _from_file(at, given.secret, given)
        made = run_with_service(at, "Linking", lambda client: sharing.link_of(client, stored, chosen))
    else:
        words, chosen = _words(given)
        group = given.group or ""
        made = run_with_service(at, "Linking", lambda client: client.link_from_passphrase(words, group, chosen))
    return at.profile(), SavedLink(link=made.handle, format=made.format, member=made.member)


def _with_peer(at: Invocation, peer: bytes, given: Given) -> tuple[Profile, SavedLink]:
    secret = at.read_secret(given.key or at.key_file, Kind.SECRET_KEY).reveal().reveal()

    async def work(client: Client) -> tuple[Key, Link]:
        imported = await client.import_key(secret)
        return imported, await client.create_link(imported, peer, format=given.format)

    key, made = run_with_service(at, "Linking", work)
    own = key.public_key.hex()
    saved = SavedLink(link=made.handle, format=made.format, member=made.member, peer=peer.hex(), public_key=own)
    return msgspec.structs.replace(at.profile(), key=key.key, public_key=own), saved


def _from_file(at: Invocation, path: Path, given: Given) -> tuple[StoredSecret, int]:
    """The secret in a file, and which of its holders the caller is. Raises CommandError, SecretFileError."""
    usual = Kind.SHARED_SECRET if given.format == "scout1" else Kind.GROUP_SECRET
    stored = at.read_secret(path, usual, Kind.SHARED_SECRET, Kind.ROOT_SECRET)
    member = given.member if given.member is not None else stored.member
    if member is None:
        raise CommandError(f"expected --member: {path} does not say which holder of the secret you are")
    return stored, member


def _words(given: Given) -> tuple[str, int]:
    """A group's words, asked for, and the caller's number in it. Raises CommandError."""
    if given.member is None:
        raise CommandError("expected --member: a number that nobody else in the group uses")
    return typer.prompt("The group's words", hide_input=True, err=True), given.member
