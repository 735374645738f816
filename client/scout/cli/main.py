"""The command line as a whole: its common options, its commands, and the one place where it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from scout.cli import apikey, dht, doctor, keys, messages, records, stack
from scout.cli.context import Invocation
from scout.cli.failures import EXPECTED, ExitCode, explain
from scout.cli.output import Output
from shared.settings import Secret

_WITH_VALUE = frozenset({"--home", "--url", "--api-key-file"})
_FLAGS = frozenset({"--json"})

app = typer.Typer(
    name="scout",
    help="Find your peers through the BitTorrent DHT, and leave them messages.",
    epilog="--home, --url, --api-key-file and --json may also stand behind the command. "
    "Exit status: 0 done, 1 refused or not found, 2 bad input, 3 no answer or not possible now, 4 not allowed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    keys.keygen,
    keys.exchange,
    keys.link,
    records.announce,
    records.devices,
    records.sync,
    messages.send,
    messages.inbox,
    messages.put,
    messages.get,
    doctor.doctor,
    stack.up,
    stack.demo,
):
    app.command()(command)
app.add_typer(dht.app, name="dht")
app.add_typer(apikey.app, name="apikey")


@app.callback()
def common(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(envvar="SCOUT_HOME", metavar="DIR", help="Where keys and links are kept.", show_default=False),
    ] = None,
    url: Annotated[str | None, typer.Option(envvar="SCOUT_URL", help="The Scout service to speak to.")] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(envvar="SCOUT_API_KEY_FILE", metavar="FILE", help="A file with your API key; or SCOUT_API_KEY."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Speak JSON: for scripts.")] = False,
) -> None:
    """Take the options that every command has."""
    context.obj = Invocation(
        home=home or Path(typer.get_app_dir("scout")),
        url=url,
        api_key_file=api_key_file,
        api_key_given=_from_environment("SCOUT_API_KEY"),
        output=Output(as_json=as_json),
    )


def _from_environment(name: str) -> Secret | None:
    """A secret that no option takes: a command line shows in the list of processes."""
    value = os.environ.get(name, "").strip()  # noqa: TID251  # the composition root of the command
    return Secret(value.encode()) if value else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status."""
    ordered = _common_first(arguments)
    try:
        status = app(ordered, prog_name="scout")
    except SystemExit as done:
        status = done.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except EXPECTED as error:
        explained = explain(error)
        Output(as_json="--json" in ordered).failure(explained)
        return int(explained["exit_code"])
    return status if isinstance(status, int) else ExitCode.OK


def _common_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the common options in front, where typer looks for them; behind `--` all stays."""
    front: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument in _FLAGS or (argument.partition("=")[0] in _WITH_VALUE and "=" in argument):
            front.append(argument)
        elif argument in _WITH_VALUE:
            front += [argument, *_next(remaining)]
        else:
            rest.append(argument)
    return front + rest


def _next(remaining: Iterator[str]) -> list[str]:
    return [value for value in (next(remaining, None),) if value is not None]
