"""`doctor`: what is wrong, in words, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from scout.cli.context import invocation
from scout.cli.failures import CommandError, ExitCode
from scout.doctor import Finding, Verdict, examine
from scout.modes import Mode
from shared.settings import Endpoint, endpoint
from shared.well_known import BOOTSTRAP

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}


def doctor(
    context: typer.Context,
    bootstrap: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="Nodes to ask instead of the well-known ones.")
    ] = None,
) -> None:
    """Examine the network, the service and the way between them. Exit status 1 when something does not work."""
    at = invocation(context)
    profile, alone = at.profile(), at.mode_of() is Mode.SESSION
    chosen = bootstrap or at.node.bootstrap or (profile.bootstrap if alone else ())
    names = _names(chosen) if chosen else BOOTSTRAP
    url, api_key = (None, None) if alone else (at.service(profile), at.api_key())
    with at.output.progress("Examining"):
        findings = asyncio.run(examine(url, names, api_key=api_key))
    healthy = all(finding.verdict is not Verdict.FAILED for finding in findings)
    width = max(len(finding.check) for finding in findings)
    at.output.result({"healthy": healthy, "checks": findings}, *(_line(finding, width) for finding in findings))
    if not healthy:
        raise typer.Exit(ExitCode.FAILED)


def _names(given: Sequence[str]) -> list[Endpoint]:
    try:
        return [endpoint(name) for name in given]
    except ValueError as error:
        raise CommandError(f"expected {error}") from None


def _line(finding: Finding, width: int) -> str:
    colour = _COLOURS[finding.verdict]
    said = f"{finding.said}. {finding.advice}" if finding.advice else f"{finding.said}."
    return f"[{colour}]{finding.verdict:<8}[/{colour}] {escape(finding.check):<{width}}  {escape(said)}"
