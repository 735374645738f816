"""The command line as a whole: its common options, its commands, and the one place where it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from scout.cli import apikey, dht, doctor, keys, linking, messages, receipts, records, session, stack, watch
from scout.cli.context import Invocation
from scout.cli.failures import EXPECTED, CommandError, ExitCode, explain
from scout.cli.nodes import NodeOptions
from scout.cli.output import Output
from scout.modes import Mode
from shared.settings import Secret

_WITH_VALUE = frozenset({"--home", "--url", "--api-key-file", "--bootstrap", "--listen", "--state"})
_FLAGS = frozenset({"--json", "--managed", "--blind", "--session", "--port-mapping"})
_OWN = {"up": frozenset({"--bootstrap", "--listen", "--state"}), "doctor": frozenset({"--bootstrap"})}
"""Command -> options of its own with the name of a common one."""

app = typer.Typer(
    name="scout",
    help="Find your peers through the BitTorrent DHT, and leave them messages.",
    epilog="These options may also stand behind the command. "
    "Exit status: 0 done, 1 refused or not found, 2 bad input, 3 no answer or not possible now, 4 not allowed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    keys.keygen,
    keys.exchange,
    linking.link,
    records.announce,
    records.devices,
    records.sync,
    messages.send,
    messages.inbox,
    receipts.ack,
    watch.watch,
    messages.put,
    messages.get,
    doctor.doctor,
    session.session,
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
    managed: Annotated[bool, typer.Option("--managed", help="Have the service do all the work.")] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Have the service pass on what is sealed here; it gets no secret.")
    ] = False,
    session_: Annotated[
        bool, typer.Option("--session", help="Use no service: run a DHT node for as long as it takes.")
    ] = False,
    bootstrap: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SCOUT_BOOTSTRAP", metavar="HOST:PORT", help="With --session: join the DHT by this node; repeatable."
        ),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="With --session: where its node listens (UDP).")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With --session: where its node remembers itself.")
    ] = None,
    port_mapping: Annotated[
        bool, typer.Option("--port-mapping", help="With --session: have the gateway lead a port to its node.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Speak JSON: for scripts.")] = False,
) -> None:
    """Take the options that every command has."""
    named = {Mode.MANAGED: managed, Mode.BLIND: blind, Mode.SESSION: session_}
    context.obj = Invocation(
        home=home or Path(typer.get_app_dir("scout")),
        mode=_mode([mode for mode, is_named in named.items() if is_named]),
        url=url,
        api_key_file=api_key_file,
        api_key_given=_from_environment("SCOUT_API_KEY"),
        node=NodeOptions([name for text in bootstrap or () for name in text.split(",")], listen, state, port_mapping),
        output=Output(as_json=as_json),
    )


def _mode(named: list[Mode]) -> Mode | None:
    """The one mode that was named, by an option or else by the environment. Raises CommandError."""
    if len(named) > 1:
        raise CommandError(f"expected one of {' and '.join(f'--{mode}' for mode in named)}")
    given = os.environ.get("SCOUT_MODE", "").strip()  # noqa: TID251  # the composition root of the command
    if named or not given:
        return named[0] if named else None
    try:
        return Mode(given)
    except ValueError:
        raise CommandError(f"SCOUT_MODE: expected {', '.join(Mode)}, got {given[:80]!r}") from None


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
        own = _OWN.get(rest[0], frozenset()) if rest else frozenset()
        name, equals, _ = argument.partition("=")
        if argument == "--":
            rest += [argument, *remaining]
        elif argument in _FLAGS or (name in _WITH_VALUE - own and equals):
            front.append(argument)
        elif argument in _WITH_VALUE - own:
            front += [argument, *_next(remaining)]
        else:
            rest.append(argument)
    return front + rest


def _next(remaining: Iterator[str]) -> list[str]:
    return [value for value in (next(remaining, None),) if value is not None]
