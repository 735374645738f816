"""`scout session`: a node that stays, and that other commands work through while it does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scout.cli.main import run
from services.standalone.app import Stack

SCOUT = (sys.executable, "-c", "from scout.cli import main; main()")
ENDS_WITHIN = 15.0
Scout = Callable[..., Any]


@contextmanager
def staying(home: Path, stack: Stack) -> Iterator[dict[str, Any]]:
    """`scout session` in a process of its own, until the block ends; what it said at its start."""
    command = [*SCOUT, "session", "--json", "--home", str(home), f"--bootstrap={stack.swarm[0]}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate(timeout=ENDS_WITHIN)[1].decode()
            yield json.loads(line)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=ENDS_WITHIN)
            assert (process.returncode, err) == (0, b"")
        finally:
            process.kill()


@pytest.fixture
def scout(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scout:
    def asked(*arguments: str, status: int = 0) -> Any:
        ended = run([*arguments, "--session", f"--bootstrap={stack.swarm[0]}", "--home", str(tmp_path), "--json"])
        out, err = capsys.readouterr()
        assert ended == status, err
        return json.loads(err)["error"] if status else json.loads(out)

    return asked


def test_commands_work_through_the_session_that_stays(scout: Scout, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "group.secret").write_text("5a" * 32)
    scout("link", "group", "--secret", str(tmp_path / "group.secret"), "--member", "0")
    with staying(tmp_path, stack) as said:
        assert said["joined"]
        assert said["state"] == str(tmp_path / "node")
        scout("announce", "group", "198.51.100.4:443", "--device", "1")
        assert [device["id"] for device in scout("devices", "group")["devices"]] == [1]
        stored = scout("put", "through another")
        assert scout("get", stored["hash"])["text"] == "through another"
        assert scout("get", "ab" * 20, status=1)["code"] == "not_found"
        second = subprocess.run([*SCOUT, "session", "--home", str(tmp_path)], capture_output=True, check=False)
        assert (second.returncode, b"another session has it open" in second.stderr) == (3, True)
    assert not (tmp_path / "node" / "socket").exists()
    assert (tmp_path / "node" / "kept").stat().st_size > 1000, "what was left by way of it is its to keep"
    assert [device["id"] for device in scout("devices", "group")["devices"]] == [1], "by a node of the command's own"


def test_what_is_watched_does_not_stand_in_the_way_of_other_commands(
    scout: Scout, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "group.secret").write_text("5b" * 32)
    scout("link", "us", "--secret", str(tmp_path / "group.secret"), "--member", "0")
    scout("announce", "us", "198.51.100.4:443", "--device", "1")
    command = [*SCOUT, "--session", "watch", "us", "--json", "--home", str(tmp_path), f"--bootstrap={stack.swarm[0]}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert [entry["id"] for entry in json.loads(process.stdout.readline())["record"]["entries"]] == [1]
            assert (tmp_path / "node" / "socket").exists()
            scout("announce", "us", "198.51.100.4:443", "--device", "2")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=ENDS_WITHIN)
    assert not (tmp_path / "node" / "socket").exists()


def test_commands_at_the_same_time_take_turns(stack: Stack, tmp_path: Path) -> None:
    command = [*SCOUT, "--session", f"--bootstrap={stack.swarm[0]}", "--home", str(tmp_path), "put"]
    at_once = [
        subprocess.Popen([*command, text], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for text in ("one", "two")
    ]
    for process in at_once:
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err.decode()
