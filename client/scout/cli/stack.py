"""`up` and `demo`: their options. What they do is in `running`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from scout.cli.context import invocation
from scout.cli.failures import CommandError
from scout.cli.records import content_from
from services.standalone.config import API_LISTEN, MAX_SWARM, OPS_LISTEN, StandaloneConfig
from shared.settings import Endpoint, endpoint

Level = Literal["debug", "info", "warning", "error"]
LogLevel = Annotated[Level, typer.Option(help="What to log to standard error.")]
Nodes = Annotated[int, typer.Option(min=0, max=MAX_SWARM, help="Nodes of a private DHT on loopback.")]


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
        str | None, typer.Option(metavar="URL", help="Use this Redis 7+ or Valkey; @FILE for a URL with a password.")
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
        api_listen=_endpoint(listen),
        ops_listen=_endpoint(ops_listen),
        dht_listen=_endpoint(dht_listen) if dht_listen else None,
        redis_url=content_from(redis).decode().strip() if redis else None,
        state=state,
    )
    # the services take a quarter of a second to import: only the commands that run them pay for it
    from scout.cli import running  # noqa: PLC0415

    raise typer.Exit(running.run_up(config, output, log_level))


def demo(
    context: typer.Context,
    swarm: Annotated[int, typer.Option(min=2, max=MAX_SWARM, help="Nodes of the private DHT.")] = 16,
    log_level: LogLevel = "error",
) -> None:
    """Do the main job on a private DHT, and tell what happens. Nothing is left behind."""
    output = invocation(context).output
    config = StandaloneConfig(swarm=swarm, api_listen=Endpoint(API_LISTEN.host, 0))
    from scout.cli import running  # noqa: PLC0415  # as above

    raise typer.Exit(running.run_demo(config, output, log_level))


def _endpoint(text: str) -> Endpoint:
    with suppress(ValueError):
        return endpoint(text)
    raise CommandError(f"expected HOST:PORT, got {text[:80]!r}")
