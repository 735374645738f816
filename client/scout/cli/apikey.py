"""`apikey new`: keys for those who may use a service. It speaks to no service: it makes what its key file holds."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from scout.cli.context import invocation
from scout.cli.durations import seconds
from scout.cli.failures import CommandError
from scout.cli.output import Output
from scout.secretfiles import create_secret_file
from shared.api_key_file import BURST_S, KeyFileError, block, end_of_day_ms, parse
from shared.api_keys import ApiKey, Budget, Scope, digest_of, new_token
from shared.clock import SystemClock
from shared.settings import Secret

app = typer.Typer(help="Make API keys, for those who run a service.", no_args_is_help=True)

_READABLE = 0o644
"""Of a key file: it holds hashes of random tokens, and the service may run as somebody else."""


@app.callback()
def group() -> None:
    """Keep `new` a command of its own."""


@app.command()
def new(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What logs and metrics call the key; no two keys share a name.")],
    tenant: Annotated[str, typer.Option(help="Whose key it is: handles are bound to their tenant.")] = "default",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may be used for; may be repeated.", show_default="read, write")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE|DURATION", help="When it ends: 2027-01-31 (that day included), or 90d.")
    ] = None,
    packets_per_second: Annotated[
        float | None, typer.Option(min=0.001, help="Its own budget of DHT packets, within its tenant's.")
    ] = None,
    burst: Annotated[
        float | None, typer.Option(min=1, help="Packets it may save up.", show_default="a minute's")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the key here, for its owner only, instead of showing it.")
    ] = None,
    append: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add the entry to this key file instead of showing it.")
    ] = None,
) -> None:
    """Make an API key: the key, for whoever will use it, and the entry for the service's key file.

    The key is shown once: the entry holds only its hash, and nobody can get it back from there.
    """
    token = new_token(os.urandom)
    key = ApiKey(
        name=name,
        tenant=tenant,
        scopes=frozenset(scope or (Scope.READ, Scope.WRITE)),
        digest=digest_of(token.reveal().decode()),
        expires_ms=None if expires is None else _end(expires),
        budget=_budget(packets_per_second, burst),
    )
    entry = _checked(key)
    if append is not None:
        _check_room(append, entry)
    if out is not None:
        create_secret_file(out, token.reveal() + b"\n")
    if append is not None:
        _add(append, entry)
    _show(invocation(context).output, key, entry, None if out else token, out, append)


def _show(output: Output, key: ApiKey, entry: str, token: Secret | None, out: Path | None, append: Path | None) -> None:
    """Tell what was made; a key that is in a file is not shown."""
    value = {"name": key.name, "tenant": key.tenant, "file": None if out is None else str(out)}
    lines = [f"The API key is in {escape(str(out))}."]
    if token is not None:
        value["key"] = token.reveal().decode()
        lines = [f"API key (shown once): [bold]{value['key']}[/bold]"]
    if append is None:
        value["entry"] = entry
        lines.append(f"Its entry for the service's SCOUT_API_KEYS_FILE:\n\n{escape(entry)}")
    else:
        value["keys_file"] = str(append)
        lines.append(f"Its entry is in {escape(str(append))}; a running service takes it up within seconds.")
    output.result(value, *lines)


def _budget(rate: float | None, burst: float | None) -> Budget | None:
    """What the options say of a budget. Raises CommandError."""
    if rate is None:
        if burst is not None:
            raise CommandError("expected --packets-per-second with --burst")
        return None
    return Budget(rate, rate * BURST_S if burst is None else burst)


def _end(text: str) -> int:
    """When a key ends, wall-clock milliseconds. Raises CommandError."""
    now_ms = SystemClock().utc_ms() // 1000 * 1000
    try:
        end_ms = end_of_day_ms(dt.date.fromisoformat(text))
    except ValueError:
        try:
            end_ms = now_ms + seconds(text) * 1000
        except typer.BadParameter:
            raise CommandError(
                f"expected a date such as 2027-01-31 or a duration such as 90d, got {text[:80]!r}"
            ) from None
    if not now_ms < end_ms <= end_of_day_ms(dt.date.max):
        raise CommandError(f"expected an end in the future, and before the year 10000, got {text[:80]!r}")
    return end_ms


def _checked(key: ApiKey) -> str:
    """The key's entry, which the service would take. Raises CommandError."""
    entry = block(key)
    try:
        parse(entry)
    except KeyFileError as error:
        raise CommandError("; ".join(problem.partition(": ")[2] for problem in error.problems)) from None
    return entry


def _check_room(path: Path, entry: str) -> None:
    """Raise CommandError unless the file, with one more entry, would be one that the service takes."""
    try:
        parse(_joined(_read(path), entry))
    except KeyFileError as error:
        raise CommandError(f"{path} would not be a key file: {'; '.join(error.problems)}") from None


def _add(path: Path, entry: str) -> None:
    """Add an entry in one step, so that no service ever reads half a file. Raises CommandError."""
    real = path.resolve()  # a link stays a link
    fresh = real.with_name(f".{real.name}.{os.getpid()}.new")
    try:
        mode = real.stat().st_mode & 0o777 if real.exists() else _READABLE
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_joined(_read(path), entry))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(real)
    except OSError as error:
        raise CommandError(f"can't write {path}: {error.strerror}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"can't read {path}: {error}") from None


def _joined(before: str, entry: str) -> str:
    return f"{before.rstrip()}\n\n{entry}" if before.strip() else entry
