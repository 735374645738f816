"""No secret and no plaintext in the logs, in the bus's memory or in its files, in whatever spelling."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from scout.cli.output import Output
from scout.cli.running import play
from scout.demo import Evidence
from services.standalone.app import open_stack
from services.standalone.cluster_keys import FILE_NAME as KEY_FILE
from services.standalone.config import StandaloneConfig
from shared import logs
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.bus_watcher import watched_bus
from tests.support.leaks import leaks

SECRET_SIZE = 32
"""Keys and secrets have 32 bytes; nonces have 24, ids 20 or 16, and are no secrets."""


class RecordingEntropy:
    """The system's entropy, and every secret that was ever made of it."""

    def __init__(self) -> None:
        self.secrets: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        drawn = os.urandom(size)
        if size == SECRET_SIZE:
            self.secrets.append(drawn)
        return drawn


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Everything that is logged, at debug level."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("standalone", "debug", stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def files_of_the_bus(state: Path) -> dict[str, bytes]:
    """Every file of a run's state but the one that is there to hold its keys."""
    paths = [path for path in state.rglob("*") if path.is_file() and path.name != KEY_FILE]
    return {str(path.relative_to(state)): path.read_bytes() for path in paths}


async def test_the_demo_leaves_no_secret_anywhere(tmp_path: Path, debug_log: io.StringIO) -> None:
    entropy, evidence = RecordingEntropy(), Evidence()
    config = StandaloneConfig(swarm=8, api_listen=Endpoint("127.0.0.1", 0), state=tmp_path, swarm_network="127.82")
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(open_stack(config, clock=SystemClock(), entropy=entropy))
        feed = stack.enter_context(watched_bus(running.redis_url))
        await play(running, Output(as_json=True), entropy, evidence)

    places = files_of_the_bus(tmp_path)
    places |= {"the log": debug_log.getvalue().encode(), "the bus": feed.content()}
    assert any("appendonly" in place and content for place, content in places.items())
    assert b"crypto.seal_record" in places["the bus"], "the feed saw the requests go by"
    assert places["the log"], "something was logged"

    handles = [handle.encode() for handle in evidence.handles]
    searched = [*entropy.secrets, *evidence.secrets, *evidence.plaintexts, *handles]
    # two cluster keys, two people's keys, what they share; three names, three addresses, three messages; six handles
    assert len(entropy.secrets) >= 4
    assert (len(evidence.secrets), len(evidence.plaintexts), len(handles)) == (3, 9, 6)
    assert leaks(places, searched) == []
