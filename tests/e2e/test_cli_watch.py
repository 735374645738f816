"""`scout watch` beside others who write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import scout
from scout.cli.main import run
from scout.modes import Mode
from services.standalone.app import Stack

Capture = pytest.CaptureFixture[str]
SECRET = "5e" * 32


@pytest.fixture
def home(stack: Stack, tmp_path: Path, capsys: Capture) -> Path:
    return furnished(tmp_path, stack, Mode.MANAGED, capsys)


def furnished(home: Path, stack: Stack, mode: Mode, capsys: Capture) -> Path:
    """With a link called `us`, whose member 1 is the owner of the home."""
    (home / "secret").write_text(SECRET)
    (home / "secret").chmod(0o600)
    way = [f"--bootstrap={node}" for node in stack.swarm[:2]] if mode is Mode.SESSION else ["--url", stack.api_url]
    words = ["link", "us", "--secret", str(home / "secret"), "--member", "1", f"--{mode}"]
    assert run([*words, *way, "--home", str(home)]) == 0
    capsys.readouterr()
    return home


def write(stack: Stack, entry_id: int, content: bytes, message: bytes) -> None:
    async def work() -> None:
        async with scout.Client(stack.api_url) as client:
            link = await client.link_from_secret(bytes.fromhex(SECRET), 0)
            await link.announce(entry_id, ["198.51.100.4:443"], name=content.decode())
            await link.send(message)

    asyncio.run(work())


def watched(home: Path, capsys: Capture, *words: str) -> tuple[str, str]:
    assert run(["watch", "us", "--for", "2s", "--home", str(home), *words]) == 0
    out, err = capsys.readouterr()
    return out, err


def test_a_script_gets_an_object_a_line_and_goes_on_behind_the_last(stack: Stack, home: Path, capsys: Capture) -> None:
    write(stack, 1, b"phone", b"one")
    out, err = watched(home, capsys, "--json")
    (first,) = [json.loads(line) for line in out.splitlines()]
    assert (first["event"], err) == ("record", "")
    assert first["record"]["entries"][0]["id"] == 1
    write(stack, 1, b"phone", b"two")
    told = [json.loads(line) for line in watched(home, capsys, "--json", "--after", first["id"])[0].splitlines()]
    assert [event["event"] for event in told] == ["record", "message"]
    assert told[1]["message"]["body"] == "dHdv"


@pytest.mark.parametrize("mode", list(Mode), ids=str)
def test_a_person_gets_a_line_for_what_is_new(stack: Stack, tmp_path: Path, capsys: Capture, mode: Mode) -> None:
    home = furnished(tmp_path, stack, mode, capsys)
    write(stack, 7, b"Ada's laptop", b"see you at eight")
    out, err = watched(home, capsys, "--after", "00000000")
    assert "+ 7: Ada's laptop 198.51.100.4:443" in out.splitlines()
    assert "0> see you at eight" in out.splitlines()
    assert "Ctrl-C ends it." in err


def test_what_is_no_event_is_refused(home: Path, capsys: Capture) -> None:
    assert run(["watch", "us", "--after", "no id", "--home", str(home), "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "invalid_request"


def test_ctrl_c_ends_it_with_the_usual_status(stack: Stack, home: Path) -> None:
    write(stack, 1, b"phone", b"one")
    command = [sys.executable, "-c", "from scout.cli import main; main()", "watch", "us", "--home", str(home), "--json"]
    environment = {**os.environ, "PYTHONPATH": "client:."}  # noqa: TID251  # a child needs the PATH of its parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["event"] == "record"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=15)
    assert (child.returncode, out, err) == (130, "", "")
