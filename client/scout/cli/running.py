"""The whole stack, run for `up` and `demo`. Apart from them, so that no other command waits for it to be imported."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

from scout.cli.failures import CommandError, ExitCode, explain
from scout.cli.output import Output
from scout.demo import Account, DemoFailedError, Evidence, Stage, tell
from scout.errors import ClientError
from services.api.settings import loopback_endpoint
from services.standalone.app import Stack, open_stack
from services.standalone.config import StandaloneConfig
from shared import lifecycle, logs
from shared.bus.redis_client import parse_redis_url
from shared.clock import SystemClock

Entropy = Callable[[int], bytes]

DRAIN_WITHIN = 8.0
"""Seconds to finish what is in hand after Ctrl-C, before it is cut short."""


def run_up(config: StandaloneConfig, output: Output, log_level: str) -> int:
    """Run the stack until a signal; the exit status.

    Raises CommandError for an API address that is not loopback, and for a Redis URL that is none.
    """
    try:
        loopback_endpoint(str(config.api_listen))
        if config.redis_url is not None:
            parse_redis_url(config.redis_url)
    except ValueError as error:
        raise CommandError(f"expected {error}") from None
    logs.configure("standalone", log_level)
    return lifecycle.run("up", lambda stop: _run_until(stop, config, output), grace_s=DRAIN_WITHIN)


def run_demo(config: StandaloneConfig, output: Output, log_level: str) -> int:
    """Tell the story on a stack of its own; the exit status."""
    logs.configure("standalone", log_level)
    failures: list[dict[str, Any]] = []

    async def main(stop: asyncio.Event) -> None:
        await _unless_stopped(stop, _demonstrate(config, output, failures))
        if stop.is_set():
            failures.append(explain(CommandError("the demo was interrupted", code=ExitCode.INTERRUPTED)))

    status = lifecycle.run("demo", main, grace_s=DRAIN_WITHIN)
    for explained in failures:
        output.failure(explained)
    return int(failures[-1]["exit_code"]) if failures else status


async def play(stack: Stack, output: Output, entropy: Entropy, evidence: Evidence) -> None:
    """Tell the story on a running stack, and show its table. Raises DemoFailedError, ClientError."""
    account = Account(output, SystemClock())
    await tell(Stage(stack.api_url, stack.swarm, entropy, SystemClock(), evidence), account)
    account.finish()


async def _demonstrate(config: StandaloneConfig, output: Output, failures: list[dict[str, Any]]) -> None:
    output.say(f"Starting {config.swarm} DHT nodes, the bus, the crypto service and the API in this process …")
    async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as stack:
        try:
            await play(stack, output, os.urandom, Evidence())
        except* (DemoFailedError, ClientError) as group:
            failures.extend(_explained(error) for error in group.exceptions)


async def _run_until(stop: asyncio.Event, config: StandaloneConfig, output: Output) -> None:
    output.note("Starting …")
    async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as stack:
        output.result(
            {
                "api": stack.api_url,
                "console": f"{stack.api_url}/console",
                "ops": stack.ops_url,
                "dht": str(stack.dht),
                "redis": stack.redis_url,
                "swarm": [str(node) for node in stack.swarm],
            },
            f"API       [bold]{stack.api_url}[/bold]",
            f"Console   {stack.api_url}/console",
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
    """Whatever stopped the story: the demo has failed."""
    sentence = str(error) if isinstance(error, DemoFailedError) else explain(error)["detail"]
    return explain(CommandError(sentence, code=ExitCode.FAILED))
