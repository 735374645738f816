"""A DHT node of one's own, as `--session` and `scout session` run it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scout.alike import ScoutLike
from scout.cli.failures import CommandError
from scout.errors import OpenElsewhere
from shared.settings import Endpoint, endpoint

if TYPE_CHECKING:
    from scout.session import Session

STATE_DIRECTORY = "node"
"""In Scout's home: that the node is the same one the next time."""
LOOPBACK = "127.0.0.1:0"
PATIENCE_S = 15.0
"""To wait for another command: about as long as one takes that finds no network."""
LOOK_AGAIN_S = 0.25


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """By whom a node joins the DHT (`host:port`; none: the well-known ones), where it listens, and its directory."""

    bootstrap: Sequence[str] = ()
    listen: str | None = None
    state: Path | None = None
    port_mapping: bool = False
    """Whether the gateway is asked for a port that leads to the node."""

    def or_else(self, bootstrap: Sequence[str], listen: str | None, home: Path) -> NodeOptions:
        """These options, with what was remembered in place of those that were not given."""
        return replace(
            self,
            bootstrap=self.bootstrap or bootstrap,
            listen=self.listen or listen,
            state=self.state or home / STATE_DIRECTORY,
        )


@asynccontextmanager
async def without_service(options: NodeOptions, *, stays: bool) -> AsyncIterator[ScoutLike]:
    """A client by way of the session that another command has open, or by one of its own.

    One that `stays` open until somebody ends it is there for other commands; those that end by themselves are waited
    for. Raises CommandError, ClientError.
    """
    async with AsyncExitStack() as stack:
        yield await _in_turn(stack, options, stays=stays)


async def _in_turn(stack: AsyncExitStack, options: NodeOptions, *, stays: bool) -> ScoutLike:
    # what speaks to it, as a node of one's own, is of no use to commands in other modes, and takes time to import
    from scout import neighbour  # noqa: PLC0415

    patience = PATIENCE_S
    while True:
        if options.state is not None and neighbour.is_open(options.state):
            return await stack.enter_async_context(neighbour.NeighbourClient(options.state))
        try:
            session = await stack.enter_async_context(new_session(options))
        except OpenElsewhere:
            patience -= LOOK_AGAIN_S
            if patience <= 0:
                raise
            await asyncio.sleep(LOOK_AGAIN_S)
            continue
        if stays:
            with suppress(OSError):  # where there can be no socket, others wait, and say so
                await stack.enter_async_context(session.offered())
        return session


def new_session(options: NodeOptions) -> Session:
    """A session, still to be opened. Raises CommandError."""
    joining = [_named(text) for text in options.bootstrap]
    listen = options.listen
    if listen is None and joining and all(one.is_loopback for one in joining):
        listen = LOOPBACK  # a network on this machine, which only nodes on loopback take part in
    elif listen is not None:
        _require_address(listen)
    # a whole DHT node takes a quarter of a second to import: only sessions pay for it
    from scout.session import Session  # noqa: PLC0415

    return Session(
        bootstrap=options.bootstrap or None, listen=listen, state=options.state, port_mapping=options.port_mapping
    )


def _named(text: str) -> Endpoint:
    try:
        return endpoint(text)
    except ValueError as error:
        raise CommandError(f"expected {error}") from None


def _require_address(text: str) -> None:
    try:
        ipaddress.ip_address(_named(text).host)
    except ValueError:
        raise CommandError(f"expected an IP address and a port to listen at, got {text[:80]!r}") from None
