"""What all commands share: where Scout's home is, which service to speak to, and how to show things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer

from scout.cli.output import Output
from scout.client import Client
from scout.link import Link
from scout.profile import Profile, load_profile, save_profile
from scout.secretfiles import read_text_secret, text_secret
from shared.settings import Secret

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
    url: str | None
    api_key_file: Path | None
    api_key_given: Secret | None
    """From the environment."""
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
        return read_text_secret(kept) if self.url is None and kept.exists() else None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A client of the service."""
        async with Client(self.service(self.profile()), api_key=self.api_key()) as client:
            yield client

    @asynccontextmanager
    async def link(self, name: str) -> AsyncIterator[Link]:
        """The remembered link called `name`. Raises ProfileError."""
        saved = self.profile().link(name)
        async with self.client() as client:
            yield client.link(saved.link, format=saved.format, member=saved.member)


def invocation(context: typer.Context) -> Invocation:
    """The common options that the command line was given."""
    found = context.find_object(Invocation)
    if found is None:
        raise RuntimeError("expected the command to be run through `scout`")
    return found


def run_with_link(at: Invocation, name: str, what: str, work: Callable[[Link], Awaitable[T]]) -> T:
    """Do `work` with the link called `name`, showing `what` meanwhile."""

    async def work_with_link() -> T:
        async with at.link(name) as link:
            return await work(link)

    with at.output.progress(what):
        return asyncio.run(work_with_link())


def run_with_client(at: Invocation, what: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do `work` with a client, showing `what` meanwhile."""

    async def work_with_client() -> T:
        async with at.client() as client:
            return await work(client)

    with at.output.progress(what):
        return asyncio.run(work_with_client())
