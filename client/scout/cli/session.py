"""`session`: a DHT node of one's own that stays, and keeps alive what commands with `--session` left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import typer

from scout.cli.context import Invocation, invocation
from scout.cli.nodes import new_session
from scout.cli.output import Output
from scout.errors import ClientError
from shared import lifecycle, logs

if TYPE_CHECKING:
    from scout.session import Session

CLOSE_WITHIN = 8.0
"""Seconds to finish what is in hand after Ctrl-C, before it is cut short."""


def session(context: typer.Context) -> None:
    """Run a DHT node of your own until Ctrl-C: it keeps alive what `scout --session …` left, and no service is needed.

    While it runs, other commands with --session work through it instead of opening a node each.
    """
    at = invocation(context)
    failed: list[ClientError] = []

    async def main(stop: asyncio.Event) -> None:
        try:
            await _until(stop, at)
        except ClientError as error:
            failed.append(error)

    logs.configure("session", "warning")
    status = lifecycle.run("session", main, grace_s=CLOSE_WITHIN)
    if failed:
        raise failed[0]
    raise typer.Exit(status)


async def _until(stop: asyncio.Event, at: Invocation) -> None:
    profile = at.profile()
    at.output.note("Joining the DHT …")
    options = at.node.or_else(profile.bootstrap, profile.listen, at.home)
    async with new_session(options) as running:
        joined = "joined" if running.joined else "no network around it yet; it goes on trying"
        at.output.result(
            {"dht": str(running.endpoint), "joined": running.joined, "state": str(options.state)},
            f"DHT node  {running.endpoint} (UDP), {joined}",
            f"State     {options.state}",
        )
        at.output.note("Ctrl-C ends it.")
        async with _offered(running, at.output):
            await stop.wait()
        at.output.note("Finishing what is in hand …")


@asynccontextmanager
async def _offered(running: Session, output: Output) -> AsyncIterator[None]:
    """Let other commands work through the node, where that is possible."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(running.offered())
        except OSError as error:
            output.note(f"Other commands can't work through this node, and need a --state of their own: {error}")
        yield
