"""`up` and `demo`: the whole stack in this process. The only commands that know the services."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from scout.cli.context import invocation
from scout.cli.failures import CommandError, ExitCode, explain
from scout.cli.output import Output
from scout.demo import Account, DemoFailedError, Evidence, Stage, tell
from scout.errors import ClientError
from services.api.settings import loopback_endpoint
from services.standalone.app import Stack, open_stack
from services.standalone.config import API_LISTEN, OPS_LISTEN, StandaloneConfig
from services.standalone.swarm import MAX_NODES
from shared import lifecycle, logs
from shared.clock import SystemClock
from shared.settings import Endpoint, endpoint

Entropy = Callable[[int], bytes]

DRAIN_WITHIN = 8.0
"""Seconds to finish what is in hand after Ctrl-C, before it is cut short."""
LogLevel = Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")]
Nodes = Annotated[int, typer.Option(min=0, max=MAX_NODES, help="Nodes of a private DHT on loopback.")]


def up(
    context: typer.Context,
    swarm: Nodes = 0,
    bootstrap: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="Join the DHT by this node; may be repeated.")
    ] = None,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the API listens.")] = str(API_LISTEN),
    ops_listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where /readyz and /metrics are; port 0: any.")
    ] = str(OPS_LISTEN),
    dht_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the DHT node listens (UDP).", show_default=False)
    ] = None,
    redis: Annotated[
        str | None, typer.Option(metavar="URL", help="Use this Redis 7+ or Valkey instead of an embedded one.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep keys and bus here, so that handles outlive this run.")
    ] = None,
    log_level: LogLevel = "warning",
) -> None:
    """Run everything in one process, until Ctrl-C."""
    output = invocation(context).output
    config = StandaloneConfig(
        swarm=swarm,
        bootstrap=tuple(_endpoint(text) for text in bootstrap) if bootstrap else None,
        api_listen=_loopback(listen),
        ops_listen=_endpoint(ops_listen),
        dht_listen=_endpoint(dht_listen) if dht_listen else None,
        redis_url=redis,
        state=state,
    )
    logs.configure("standalone", log_level)
    raise typer.Exit(lifecycle.run("up", lambda stop: _run_until(stop, config, output), grace_s=DRAIN_WITHIN))


def demo(
    context: typer.Context,
    swarm: Nodes = 16,
    log_level: LogLevel = "error",
) -> None:
    """Do the main job on a private DHT, and tell what happens. Nothing is left behind."""
    output = invocation(context).output
    logs.configure("standalone", log_level)
    config = StandaloneConfig(swarm=swarm, api_listen=Endpoint(API_LISTEN.host, 0))
    failures: list[dict[str, Any]] = []

    async def main(stop: asyncio.Event) -> None:
        await _unless_stopped(stop, _demonstrate(config, output, failures))

    status = lifecycle.run("demo", main, grace_s=DRAIN_WITHIN)
    for explained in failures:
        output.failure(explained)
    raise typer.Exit(int(ExitCode.FAILED) if failures else status)


async def play(stack: Stack, output: Output, entropy: Entropy, evidence: Evidence) -> None:
    """Tell the story on a running stack, and show its table. Raises DemoFailedError, ClientError."""
    account = Account(output, SystemClock())
    await tell(Stage(stack.api_url, stack.swarm, entropy, evidence), account)
    account.finish()


async def _demonstrate(config: StandaloneConfig, output: Output, failures: list[dict[str, Any]]) -> None:
    output.say(f"Starting {config.swarm} DHT nodes, the bus, the crypto service and the API in this process …")
    async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as stack:
        try:
            await play(stack, output, os.urandom, Evidence())
        except* (DemoFailedError, ClientError) as group:
            failures.extend(_explained(error) for error in group.exceptions)


async def _run_until(stop: asyncio.Event, config: StandaloneConfig, output: Output) -> None:
    async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as stack:
        output.result(
            {
                "api": stack.api_url,
                "ops": stack.ops_url,
                "dht": str(stack.dht),
                "redis": stack.redis_url,
                "swarm": [str(node) for node in stack.swarm],
            },
            f"API       [bold]{stack.api_url}[/bold]",
            f"Ops       {stack.ops_url}/readyz, /metrics",
            f"DHT node  {stack.dht} (UDP)" + (f", joined to {len(stack.swarm)} private nodes" if stack.swarm else ""),
            f"Bus       {stack.redis_url}",
        )
        output.note("Ctrl-C ends it.")
        await stop.wait()
        output.note("Finishing what is in hand …")


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, or leave it when `stop` is set first."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()


def _explained(error: Exception) -> dict[str, Any]:
    if isinstance(error, DemoFailedError):
        return explain(CommandError(str(error), code=ExitCode.FAILED))
    return explain(error)


def _loopback(text: str) -> Endpoint:
    try:
        return loopback_endpoint(text)
    except ValueError as error:
        raise CommandError(f"--listen: expected {error}") from None


def _endpoint(text: str) -> Endpoint:
    with suppress(ValueError):
        return endpoint(text)
    raise CommandError(f"expected HOST:PORT, got {text[:80]!r}")
