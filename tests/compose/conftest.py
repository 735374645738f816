"""One engine and one stack for all tests here; each leaves the stack healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.compose import stand_ins
from tests.compose.checkout import fresh_copy, hand_in_pip_settings
from tests.compose.engine import Engine, NoEngineError, running_engine
from tests.compose.stack import CLOCK, Stack

Report = Callable[[str], None]
"""Takes a line that is shown at the end of the run, whether tests pass or not."""
SIZES = "{{.Repository}}:{{.Tag}} {{.Size}}"

_LINES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_LINES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash.setdefault(_LINES, []).append


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        with running_engine() as engine:
            yield engine
    except NoEngineError as error:
        pytest.exit(f"make compose-test: {error}", returncode=2)


@pytest.fixture(scope="session")
def built(engine: Engine, report: Report) -> Stack:
    began = CLOCK.monotonic()
    stand_ins.make(engine)
    checkout = fresh_copy()
    hand_in_pip_settings(checkout)
    stack = Stack(engine, checkout)
    stack.build()
    report(f"stand-ins and images: {CLOCK.monotonic() - began:.0f} s")
    for line in sorted(engine.docker("images", "--filter=dangling=false", "--format", SIZES).splitlines()):
        report(f"image {line}")
    return stack


@pytest.fixture(scope="session")
def started(built: Stack) -> Iterator[tuple[Stack, float]]:
    """The stack, and the seconds it took from `up` to all healthy."""
    try:
        began = CLOCK.monotonic()
        built.up()
        built.until_healthy(60)
        yield built, CLOCK.monotonic() - began
    finally:
        built.down()


@pytest.fixture
def stack(started: tuple[Stack, float]) -> Stack:
    started[0].until_healthy(60)
    return started[0]
