"""What all commands share: where Scout's home is, which client does the work, and how to show things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer
from rich.markup import escape

from scout import sharing
from scout.alike import LinkLike, ScoutLike
from scout.blind.client import BlindClient
from scout.cli.failures import CommandError
from scout.cli.nodes import NodeOptions, without_service
from scout.cli.output import Output
from scout.client import Client
from scout.modes import Mode
from scout.profile import FILE_NAME, Profile, SavedLink, load_profile, save_profile
from scout.secretfiles import Kind, StoredSecret, exposed, read_secret, read_text_secret, text_secret
from shared.format import keys
from shared.settings import Secret

C = TypeVar("C")
T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where `scout up` listens unless told otherwise."""
KEY_FILE = "secret.key"
API_KEY_FILE = "api.key"
"""In Scout's home; whoever has an API key puts it there."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The common options of one invocation."""

    home: Path
    mode: Mode | None
    """As named now; None: as remembered."""
    url: str | None
    api_key_file: Path | None
    api_key_given: Secret | None
    """From the environment."""
    node: NodeOptions
    output: Output

    @property
    def key_file(self) -> Path:
        """Where this home's secret key is kept."""
        return self.home / KEY_FILE

    def profile(self) -> Profile:
        """What was remembered. Raises ProfileError."""
        return load_profile(self.home)

    def remember(self, profile: Profile) -> None:
        """Remember `profile` for the next call. Raises ProfileError."""
        save_profile(self.home, profile)

    def mode_of(self, name: str | None = None) -> Mode:
        """Which client works with the link called `name`, or where no link is concerned. Raises ProfileError."""
        if self.mode is not None:
            return self.mode
        profile = self.profile()
        return profile.mode if name is None else profile.link(name).mode

    def service(self, profile: Profile) -> str:
        """The address of the service: the one named now, or the one remembered, or the one `scout up` has."""
        return self.url or profile.url or DEFAULT_URL

    def api_key(self) -> str | None:
        """The API key to show: from the file named, the environment, or this home; None when there is none.

        The home's is for the home's own service: it is not shown to one that was named just now.
        Raises SecretFileError.
        """
        if self.api_key_file is not None:
            return read_text_secret(self.api_key_file)
        if self.api_key_given is not None:
            return text_secret(self.api_key_given.reveal(), "SCOUT_API_KEY")
        kept = self.home / API_KEY_FILE
        if self.url is not None or not kept.exists():
            return None
        self.warn_if_exposed(kept)
        return read_text_secret(kept)

    def read_secret(self, path: Path, kind: Kind, *others: Kind) -> StoredSecret:
        """A secret from a file, with a warning where others may read it, too. Raises CommandError, SecretFileError."""
        if path == self.key_file and not path.exists():
            raise CommandError(f"expected a secret key in {path}", hint="`scout keygen` makes one.")
        self.warn_if_exposed(path)
        return read_secret(path, kind, *others)

    def warn_if_exposed(self, path: Path) -> None:
        """Tell a person that a secret of theirs is open to others on this machine."""
        if str(path) != "-" and exposed(path):
            self.output.note(f"[yellow]Others on this machine may read {escape(str(path))}[/yellow]: `chmod 600` it.")

    def client(self, mode: Mode, *, stays: bool = False) -> AbstractAsyncContextManager[ScoutLike]:
        """A client of that mode; one that `stays` is open until somebody ends it.

        Raises CommandError, ProfileError, SecretFileError.
        """
        profile = self.profile()
        if mode is Mode.SESSION:
            node = self.node.or_else(profile.bootstrap, profile.listen, self.home)
            return without_service(node, stays=stays)
        if mode is Mode.BLIND:
            return BlindClient(self.service(profile), api_key=self.api_key())
        return self.service_client()

    def service_client(self) -> Client:
        """A client of the service, for what only a service can do. Raises ProfileError, SecretFileError."""
        return Client(self.service(self.profile()), api_key=self.api_key())

    @asynccontextmanager
    async def link(self, name: str, *, stays: bool = False) -> AsyncIterator[LinkLike]:
        """The remembered link called `name`, with a client that `stays` until somebody ends it, or not.

        Raises ProfileError, and CommandError where this mode can't use it.
        """
        saved, mode = self.profile().link(name), self.mode_of(name)
        self.warn_if_exposed(self.home / FILE_NAME)
        if mode is Mode.MANAGED:
            handle = self._handle_of(name, saved)
            async with self.service_client() as service:
                yield service.link(handle, format=saved.format, member=saved.member)
        else:
            secret = self._secret_of(name, saved)
            async with self.client(mode, stays=stays) as client:
                yield await sharing.link_of(client, secret, saved.member)

    def _handle_of(self, name: str, saved: SavedLink) -> str:
        if saved.link or saved.secret is None:
            return saved.link
        raise CommandError(
            f"expected a link that a service has a handle of; of {name!r} there is only a secret, on this machine",
            hint="Leave --managed out; or hand it over: "
            f"`scout --managed link {name} --secret {self.home / saved.secret}`.",
        )

    def _secret_of(self, name: str, saved: SavedLink) -> StoredSecret:
        if saved.secret is not None:
            return self.read_secret(self.home / saved.secret, *sharing.IN_FILES)
        if saved.peer is None:
            raise CommandError(
                f"expected a link whose secret is on this machine; that of {name!r} is in the service's handle only",
                hint=f"Make it once more from what you share: `scout --blind link {name} …` asks no service.",
            )
        mine = self.read_secret(self.key_file, Kind.SECRET_KEY).reveal().reveal()
        if keys.public_key(mine).hex() != saved.public_key:
            raise CommandError(
                f"expected the key that {name!r} was made with in {self.key_file}, got another",
                hint=f"Link with the right one: `scout --blind link {name} --peer {saved.peer} --key FILE`.",
            )
        return sharing.of_pair(mine, bytes.fromhex(saved.peer), "scout1" if saved.format == "scout1" else "scout2")


def invocation(context: typer.Context) -> Invocation:
    """The common options that the command line was given."""
    found = context.find_object(Invocation)
    if found is None:
        raise RuntimeError("expected the command to be run through `scout`")
    return found


def run_with_link(at: Invocation, name: str, what: str, work: Callable[[LinkLike], Awaitable[T]]) -> T:
    """Do `work` with the link called `name`, showing `what` meanwhile."""
    return _run(at, at.mode_of(name), what, lambda: at.link(name), work)


def run_with_client(at: Invocation, what: str, work: Callable[[ScoutLike], Awaitable[T]]) -> T:
    """Do `work` with a client, showing `what` meanwhile."""
    mode = at.mode_of()
    return _run(at, mode, what, lambda: at.client(mode), work)


def run_with_service(at: Invocation, what: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do `work` with the service itself, showing `what` meanwhile. Raises CommandError where no service is used."""
    if at.mode_of() is Mode.SESSION:
        raise CommandError(
            "expected a service: this looks at the DHT through a service's node, and a session has none",
            hint="Ask the service at its address with --managed; `scout doctor` examines the network without one.",
        )
    return _run(at, Mode.MANAGED, what, at.service_client, work)


def _run(
    at: Invocation,
    mode: Mode,
    what: str,
    opening: Callable[[], AbstractAsyncContextManager[C]],
    work: Callable[[C], Awaitable[T]],
) -> T:
    async def open_and_work() -> T:
        async with opening() as opened:
            say(what)
            return await work(opened)

    with at.output.progress("Joining the DHT" if mode is Mode.SESSION else what) as say:
        return asyncio.run(open_and_work())
