"""A real Prometheus beside the tests: our own configuration, other targets, and a faster pulse."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.clock import SystemClock
from tests.support.ports import free_port

PULSE = "1s"
"""Between two scrapes, and between two evaluations of the rules."""
START_WITHIN = 20.0
STOP_WITHIN = 10.0
ASK_WITHIN = 10.0


@dataclass(frozen=True)
class Prometheus:
    """A running server, asked over its HTTP API."""

    url: str
    log: Path

    def range(self, expr: str, start: float, end: float) -> list[dict[str, Any]]:
        """The series that answer `expr` at each second of a span of time, with their values."""
        found = self.ask("query_range", query=expr, start=str(start), end=str(end), step=PULSE)
        series: list[dict[str, Any]] = found["result"]
        return series

    def value(self, expr: str) -> float | None:
        """The largest value that answers `expr` just now; None when nothing does."""
        result = self.ask("query", query=expr)["result"]
        return max((float(series["value"][1]) for series in result), default=None)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health and its last error."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def ask(self, what: str, **parameters: str) -> Any:
        """The data of one call of the API."""
        body = urllib.parse.urlencode(parameters).encode() or None
        request = urllib.request.Request(f"{self.url}/api/v1/{what}", data=body)
        try:
            with urllib.request.urlopen(request, timeout=ASK_WITHIN) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{what} {parameters}: {error.read().decode()}") from None

    def is_ready(self) -> bool:
        """Whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=ASK_WITHIN) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def with_targets(config: Path, rules: Path, targets: Mapping[str, Sequence[str]]) -> str:
    """The configuration in `config` with `targets` (`host:port`, by job) instead of names, and the rules at `rules`."""
    document = yaml.safe_load(config.read_text())
    document["global"] = {"scrape_interval": PULSE, "scrape_timeout": PULSE, "evaluation_interval": PULSE}
    document["rule_files"] = [f"{rules}/*.yaml"]
    for job in document["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": list(targets[job["job_name"]])}]
    return yaml.safe_dump(document)


@contextmanager
def running_prometheus(directory: Path, config: str) -> Iterator[Prometheus]:
    """A server with this configuration, and its data in `directory`, until the block ends."""
    (directory / "prometheus.yml").write_text(config)
    log, listen = directory / "prometheus.log", f"127.0.0.1:{free_port()}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={listen}",
            ],
            stdout=out,
            stderr=out,
        )
    server = Prometheus(f"http://{listen}", log)
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Prometheus, process: subprocess.Popen[bytes]) -> None:
    clock = SystemClock()
    until = clock.monotonic() + START_WITHIN
    while not server.is_ready():
        assert process.poll() is None, server.log.read_text()
        assert clock.monotonic() < until, f"Prometheus was not ready within {START_WITHIN} s"
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
