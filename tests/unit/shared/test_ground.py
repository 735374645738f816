"""Clock, errors, logs and metrics: the floor that everything stands on."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator

import pytest

from shared import logs
from shared.clock import SystemClock
from shared.errors import ErrorCode, ScoutError
from shared.metrics import LATENCY_SECONDS, WORK_SECONDS, new_registry
from tests.support.clock import ManualClock


def test_the_system_clock_is_the_hosts() -> None:
    clock = SystemClock()
    before = time.time_ns() // 1_000_000  # noqa: TID251  # what it is compared with
    assert before <= clock.utc_ms() <= before + 1_000
    assert clock.monotonic() <= clock.monotonic()


def test_setting_the_wall_clock_does_not_move_the_monotonic_one() -> None:
    clock = ManualClock(monotonic=5.0, utc_ms=1_000)
    clock.advance(0.25)
    assert (clock.monotonic(), clock.utc_ms()) == (5.25, 1_250)
    clock.set_wall(0)
    assert (clock.monotonic(), clock.utc_ms()) == (5.25, 0)


def test_an_error_says_its_code_and_its_sentence() -> None:
    error = ScoutError(ErrorCode.RECORD_FULL, "expected 900 bytes, got 901", retry_after=1.5, facts={"budget": 900})
    assert str(error) == "record_full: expected 900 bytes, got 901"
    assert (error.retry_after, error.facts) == (1.5, {"budget": 900})
    assert ScoutError(ErrorCode.INTERNAL, "x").facts == {}


def test_codes_are_snake_case_and_their_own_names() -> None:
    for code in ErrorCode:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
        assert code.name == code.value.upper()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("crypto", "debug", written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_line_is_one_json_object_with_its_fields(stream: io.StringIO) -> None:
    logs.trace_id.set("t-7")
    logging.getLogger("somewhere").info("it %s", "happened", extra={"count": 3, "odd": 1 + 2j})
    logs.trace_id.set("")
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "crypto",
        "logger": "somewhere",
        "event": "it happened",
        "trace": "t-7",
        "count": 3,
        "odd": "(1+2j)",
    }


def test_a_field_with_the_name_of_one_of_ours_does_not_take_its_place(stream: io.StringIO) -> None:
    logging.getLogger("somewhere").info("it happened", extra={"service": "another", "level": 9})
    line = json.loads(stream.getvalue())
    assert (line["service"], line["service_"]) == ("crypto", "another")
    assert (line["level"], line["level_"]) == ("info", 9)


def test_an_exception_is_part_of_its_line(stream: io.StringIO) -> None:
    try:
        raise KeyError("absent")  # noqa: TRY301  # to have one
    except KeyError:
        logging.getLogger("somewhere").exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert "KeyError: 'absent'" in json.loads(line)["exception"]


def test_each_registry_is_its_own_and_says_what_runs() -> None:
    registry, other = new_registry("api", "1.2.3"), new_registry("dht", "1.2.3")
    assert registry.get_sample_value("scout_build_info", {"component": "api", "version": "1.2.3"}) == 1
    assert other.get_sample_value("scout_build_info", {"component": "api", "version": "1.2.3"}) is None
    assert registry.get_sample_value("process_start_time_seconds")


def test_bucket_bounds_rise() -> None:
    for bounds in (LATENCY_SECONDS, WORK_SECONDS):
        assert list(bounds) == sorted(set(bounds))
