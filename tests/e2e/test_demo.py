"""The demo notices what is not as it tells."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence

import pytest

from scout.cli.main import run
from scout.cli.output import Output
from scout.demo import Account, DemoFailedError, Evidence, Stage, stranger, tell
from scout.demo.stranger import Found
from services.standalone.app import Stack
from shared.clock import SystemClock
from shared.settings import Endpoint


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The command configures the log of its process, which here is the tests'."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_a_record_that_no_node_holds_is_noticed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stranger, "ANSWER_WITHIN", 0.2)
    account = Account(Output(as_json=True), SystemClock())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = Endpoint(*silent.getsockname())
        with pytest.raises(DemoFailedError, match="expected the record at"):
            await tell(Stage(stack.api_url, [nobody], os.urandom, SystemClock(), Evidence()), account)
    assert [step.operation for step in account.steps][-1] == "read three messages"


def test_a_plaintext_in_the_dht_ends_it_with_1_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def look(_target: bytes, _nodes: Sequence[Endpoint], _entropy: Callable[[int], bytes]) -> Found:
        return Found(b"... Ada's phone ...", 8)

    monkeypatch.setattr("scout.demo.story.look", look)
    assert run(["demo", "--swarm", "3"]) == 1
    shown = capsys.readouterr()
    assert "expected a sealed value in the DHT" in shown.err
    assert "Traceback" not in shown.err
    assert "Operation" not in shown.out


def test_a_demo_needs_a_swarm(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--swarm", "0"]) == 2
    assert "'--swarm'" in capsys.readouterr().err
