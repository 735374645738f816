"""What `python -m services.<name>` does: its settings from the environment, checked, told or run.

Whatever is wrong is said in one line each on standard error, named by the setting, and by the exit status.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

from shared import lifecycle, logs
from shared.lifecycle import EXIT_OK, EXIT_SETTINGS
from shared.settings import FILE, Reader, Setting, SettingsError

log = logging.getLogger(__name__)

STATUSES = """\
exit status:
  0  it was told to stop and finished what it had in hand; or --check-config found nothing wrong
  1  a defect (the log has it), or it was told to hurry and left something undone
  2  a setting is wrong
  3  what it needs is not there or can't be used: Redis, a port, a directory
"""


class ServiceSettings(Protocol):
    """What every service's settings have."""

    @property
    def log_level(self) -> str:
        """One of `shared.service_settings.LOG_LEVEL`."""


S = TypeVar("S", bound=ServiceSettings)


def run_service(
    service: str,
    read: Callable[[Reader], S],
    serve: Callable[[S, asyncio.Event], Coroutine[Any, Any, None]],
    *,
    module: str | None = None,
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Do what the command line asks for, and return the exit status.

    `read` makes the settings and may raise SettingsError; `serve` works until the event is set. `module` is the
    service's, below `services`, if that is not its name. Arguments and environment are the process's own, unless they
    are given.
    """
    asked = _parser(service, module or service, read).parse_args(arguments)
    reader = Reader(os.environ if environ is None else environ)  # noqa: TID251  # on behalf of the composition roots
    try:
        settings = read(reader)
    except SettingsError as error:
        _tell(service, [*error.problems, *_doubts(reader)])
        return EXIT_SETTINGS
    if asked.check_config:
        _tell(service, _doubts(reader))
        _print(*map(str, reader.effective))
        return EXIT_OK

    async def main(stop: asyncio.Event) -> None:
        logs.configure(service, settings.log_level)
        for doubt in _doubts(reader):
            log.warning("a variable is no setting of this service", extra={"variable": doubt})
        await serve(settings, stop)

    return lifecycle.run(service, main, settings_of=reader.settings_of)


def declared(read: Callable[[Reader], object]) -> list[Setting[Any]]:
    """Every setting that a service has, in the order in which it reads them."""
    reader = Reader({})
    with contextlib.suppress(SettingsError):  # those that are required are missing
        read(reader)
    return [one.setting for one in reader.effective]


def _parser(service: str, module: str, read: Callable[[Reader], object]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        f"python -m services.{module}",
        description=f"Scout's {service} service. It is set up by environment variables.",
        epilog=f"settings:\n{_listed(declared(read))}\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check-config", action="store_true", help="say what holds for each setting, or what is wrong, and end"
    )
    parser.add_argument("--version", action="version", version=f"scout {service} {version('scout')}")
    return parser


def _listed(settings: Sequence[Setting[Any]]) -> str:
    lines = [f"  {one.name}\n{_indented(_described(one))}\n" for one in settings]
    return "".join(lines) + f"  Any but those that name a file may be given as a file: NAME{FILE} instead of NAME.\n"


def _described(setting: Setting[Any]) -> str:
    usual = "Required" if setting.required else f"By default: {setting.usual or setting.shown(setting.default)}"
    return f"{setting.help[0].upper()}{setting.help[1:]}. Form: {setting.form}. {usual}."


def _indented(markdown: str) -> str:
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "")
    return textwrap.fill(plain, 100, initial_indent=" " * 6, subsequent_indent=" " * 6, break_long_words=False)


def _doubts(reader: Reader) -> list[str]:
    return [
        f"{name}: no setting of this service" + (f"; is {meant} meant?" if meant else "")
        for name, meant in reader.unknown().items()
    ]


def _tell(service: str, lines: Sequence[str]) -> None:
    for line in lines:
        print(f"scout {service}: {line}", file=sys.stderr)  # noqa: T201  # the operator's line, not a log's


def _print(*lines: str) -> None:
    for line in lines:
        print(line)  # noqa: T201  # what was asked for
