"""One run of schemathesis against a running stack, and what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
WITHIN_S = 300.0

_CONFIG = """\
seed = {seed}
continue-on-failure = true
hooks = "tests.openapi.hooks"
workers = 2
request-timeout = 20.0

[dictionaries]
{dictionaries}

[parameters]
"header.Scout-Link" = {{ dictionary = "links", probability = 0.9 }}

[[operations]]
include-path = "/v1/dht/ping"
parameters = {{ "body.address" = {{ dictionary = "nodes" }} }}

[[operations]]
include-path = "/v1/links"
parameters = {{ "body.key" = {{ dictionary = "keys", probability = 0.8 }} }}

[[operations]]
include-path = "/v1/handles/rewrap"
parameters = {{ "body.handle" = {{ dictionary = "keys", probability = 0.8 }} }}

[[operations]]
include-path = "/v1/items/{{hash}}"
include-method = "GET"
parameters = {{ "path.hash" = {{ dictionary = "items", probability = 0.7 }} }}

# answers without an end are no answers to wait for: tests/unit/api/test_events.py reads them
[[operations]]
include-path-regex = "/events$"
enabled = false

# what no schema can promise: another link, another state, another writer, a record that is full, a key that was used
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "403", "404", "409", "412", "413", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "413", "415", "422"]

[phases.fuzzing]
error-feedback = {{ enabled = false }}

[generation]
max-examples = {examples}
database = "none"

[cache]
enabled = false
"""

_GUARDED = """\

[auth.openapi.apiKey]
bearer = "{token}"
"""


@dataclass(frozen=True)
class Campaign:
    """What to run, and with what: values that exist, by name, so that more is reached than refusals."""

    url: str
    known: dict[str, list[str]]
    """`links`, `keys`, `items`, `nodes`."""
    examples: int
    """Made up for each operation, beyond those that each boundary asks for."""
    token: str | None = None
    seed: int = 4

    def run(self, directory: Path) -> Outcome:
        """Run it, with its files in `directory`; what it prints comes to the terminal."""
        config, events = directory / "schemathesis.toml", directory / "events.ndjson"
        config.write_text(self._config())
        words = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", "--checks", "all"]
        words += ["--report", "ndjson", "--report-ndjson-path", str(events), f"{self.url}/openapi.json"]
        done = subprocess.run(words, cwd=ROOT, timeout=WITHIN_S, check=False)
        return Outcome(done.returncode, self.seed, list(_cases(events)))

    def _config(self) -> str:
        lines = [f"{name} = {{ values = {json.dumps(values)} }}" for name, values in self.known.items()]
        config = _CONFIG.format(seed=self.seed, examples=self.examples, dictionaries="\n".join(lines))
        return config if self.token is None else config + _GUARDED.format(token=self.token)


@dataclass(frozen=True)
class Case:
    """One request, and the status of its answer."""

    operation: str
    valid: bool
    """Whether it was meant to be."""
    status: int


@dataclass(frozen=True)
class Outcome:
    """What came of a campaign."""

    exit_status: int
    seed: int
    cases: list[Case] = field(repr=False)

    @property
    def accepted_share(self) -> float:
        """Of what was meant to be valid: the share that was answered 2xx or 304."""
        valid = [case for case in self.cases if case.valid]
        return sum(case.status < 400 for case in valid) / len(valid)

    @property
    def reached(self) -> set[str]:
        """Operations that did at least once what they are for."""
        return {case.operation for case in self.cases if 200 <= case.status < 300}

    def summary(self) -> str:
        """Figures for a person."""
        statuses = Counter(case.status for case in self.cases)
        counts = ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items()))
        share = f"of the valid ones {self.accepted_share:.0%} did what they ask for"
        return f"{len(self.cases)} examples (seed {self.seed}): {counts}; {share}"


def _cases(events: Path) -> Iterator[Case]:
    for line in events.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        recorded = event.get("ScenarioFinished", {}).get("recorder", {})
        answers = recorded.get("interactions") or {}
        for identity, case in (recorded.get("cases") or {}).items():
            said, answer = case["value"], (answers.get(identity) or {}).get("response")
            if answer is not None:
                mode = ((said.get("meta") or {}).get("generation") or {}).get("mode")
                yield Case(f"{said['method']} {said['path']}", mode == "positive", answer["status_code"])


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Print it past pytest's capture."""
    with capsys.disabled():
        print(text)  # noqa: T201  # the figures are what the target is run for
