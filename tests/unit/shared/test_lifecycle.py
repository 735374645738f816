from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from shared.errors import ErrorCode, ScoutError
from shared.lifecycle import Tasks, run
from shared.settings import SettingsError, UnusableError
from tests.support.waiting import wait_until

HEAD = "import asyncio, sys\nfrom shared.lifecycle import run\n"


def process(main: str, **arguments: float) -> subprocess.Popen[str]:
    """A process whose `main(stop)` has this body, once it says that it runs."""
    body = "".join(f"    {line}\n" for line in ("print('running', flush=True)", *main.splitlines()))
    program = f"{HEAD}async def main(stop):\n{body}sys.exit(run('crypto', main, **{arguments}))\n"
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "running\n"
    return started


def end(of: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = of.communicate(timeout=10)
    return of.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_work_finish(number: signal.Signals) -> None:
    started = process("await stop.wait()\nawait asyncio.sleep(0.05)\nprint('finished')")
    started.send_signal(number)
    assert end(started) == (0, "finished\n", "")


def test_the_second_signal_ends_it_at_once() -> None:
    started = process("await stop.wait()\nprint('stopping', flush=True)\nawait asyncio.sleep(60)")
    started.terminate()
    assert started.stdout is not None
    assert started.stdout.readline() == "stopping\n"
    started.terminate()
    status, out, _ = end(started)
    assert (status, out) == (1, "")


def test_a_drain_that_overruns_its_grace_is_cut_short() -> None:
    started = process("await asyncio.sleep(60)", grace_s=0.05)
    started.terminate()
    status, _, err = end(started)
    assert status == 1
    assert "stopped before all was finished" in err


def ends(error: Exception, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    async def main(_stop: asyncio.Event) -> None:
        raise error

    status = run("api", main)
    return status, capsys.readouterr().err


def test_wrong_settings_are_a_line_each_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    status, err = ends(SettingsError(["A: expected x", "B: expected y"]), capsys)
    assert (status, err) == (2, "scout api: A: expected x\nscout api: B: expected y\n")


def test_what_an_operator_can_mend_is_one_line_and_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    unreachable = ScoutError(ErrorCode.BUS_UNAVAILABLE, "expected Redis at redis://h, got: refused")
    line = "scout api: SCOUT_REDIS_URL: expected Redis at redis://h, got: refused\n"
    assert ends(unreachable, capsys) == (3, line)
    assert ends(PermissionError(13, "Permission denied", "/a/file"), capsys)[1] == (
        "scout api: /a/file: Permission denied\n"
    )
    assert ends(ExceptionGroup("of tasks", [ExceptionGroup("", [unreachable])]), capsys)[1].count("\n") == 1


def test_a_taken_port_is_one_line_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def main(_stop: asyncio.Event) -> None:
            await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)

        assert run("api", main) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(port) in err
    assert "address already in use" in err


def test_what_can_not_be_used_is_named_by_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(_stop: asyncio.Event) -> None:
        # what asyncio puts in the place of the system's word says too much
        raise UnusableError("the value", "a free port", OSError(98, "error while attempting to bind on ..."))

    assert run("api", main, settings_of={"the value": ["A", "B"]}.__getitem__) == 3  # type: ignore[arg-type]
    assert capsys.readouterr().err == (
        "scout api: A and B: expected a free port, got the value: Address already in use\n"
    )


def test_a_defect_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def main(_stop: asyncio.Event) -> None:
        raise ZeroDivisionError("a defect")

    assert run("api", main) == 1
    assert "ZeroDivisionError: a defect" in caplog.text


def test_a_return_without_a_signal_is_success() -> None:
    async def main(stop: asyncio.Event) -> None:
        assert not stop.is_set()

    assert run("api", main) == 0


SERVICE = """
import logging, sys
from dataclasses import dataclass
from shared.service_main import run_service
from shared.service_settings import LOG_LEVEL

@dataclass
class Settings:
    log_level: str

def read(reader):
    settings = Settings(reader.read(LOG_LEVEL))
    reader.finish()
    return settings

async def serve(settings, stop):
    logging.getLogger("work").info("not asked for")
    logging.getLogger("work").warning("at %s", settings.log_level)

sys.exit(run_service("echo", read, serve))
"""


def service(log_level: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", SERVICE],
        env={"SCOUT_LOG_LEVEL": log_level},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_a_service_logs_as_its_environment_says() -> None:
    status, err = service("warning")
    assert status == 0
    (line,) = err.splitlines()
    logged = json.loads(line)
    assert (logged["service"], logged["level"], logged["event"]) == ("echo", "warning", "at warning")


def test_a_service_with_wrong_settings_does_not_begin() -> None:
    status, err = service("loud")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("scout echo: SCOUT_LOG_LEVEL: expected one of debug")


async def test_owned_tasks_run_behind_and_end_with_their_owner() -> None:
    ended: list[str] = []

    async def work(name: str, until: Coroutine[Any, Any, Any]) -> None:
        try:
            await until
        finally:
            ended.append(name)

    async with Tasks() as tasks:
        tasks.start(work("short", asyncio.sleep(0)), name="short")
        tasks.start(work("long", asyncio.sleep(60)), name="long")
        await wait_until(lambda: len(tasks) == 1, "the short one has ended, and its owner has let go of it")
        assert ended == ["short"]
    assert ended == ["short", "long"]


async def test_an_owned_task_that_fails_is_logged_and_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("behind")

    with caplog.at_level(logging.ERROR):
        async with Tasks() as tasks:
            tasks.start(fail(), name="failing")
            await wait_until(lambda: len(tasks) == 0, "it has failed")
    assert "ZeroDivisionError: behind" in caplog.text
