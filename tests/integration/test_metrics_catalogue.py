"""observability/metrics.md, held against what running services show, both ways."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.api.routes import all_endpoints
from shared.errors import ErrorCode
from tests.support.ipv6 import HAS_IPV6
from tests.support.registries import Scrape, scrapes

PAGE = (Path(__file__).parents[2] / "observability" / "metrics.md").read_text(encoding="utf-8")

LABEL = re.compile(r"`(\w+)`: (.+)")
WORD = re.compile(r"`([^`]+)`|\*([^*]+)\*")
"""A value, or the name of a set."""
BASE_UNITS = ("seconds", "bytes", "ratio")
OTHER_UNITS = re.compile(r"_(ms|milliseconds|us|minutes|hours|kilobytes|mib|kb|percent)(_|$)")


@dataclass(frozen=True)
class Label:
    """What the page says of one label."""

    values: frozenset[str]
    """Empty: any."""
    as_they_occur: bool


@dataclass(frozen=True)
class Entry:
    """What the page says of one metric."""

    type: str
    labels: dict[str, Label]
    services: frozenset[str]


def _rows(columns: int) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in PAGE.splitlines() if line[:1] == "|"]
    return [row for row in rows if len(row) == columns and not set(row[0]) <= {"-", "|"}]


def _sets() -> dict[str, frozenset[str]]:
    sets = {
        "any": frozenset[str](),
        "routes": frozenset(f"{endpoint.method} {endpoint.path}" for endpoint in all_endpoints()),
        "error codes": frozenset(code.value for code in ErrorCode),
    }
    for name, values in _rows(2):
        if name[:1] == "*":
            sets.setdefault(name.strip("*"), _values(values, sets))
    return sets


def _values(text: str, sets: dict[str, frozenset[str]]) -> frozenset[str]:
    """The values that a cell names: those of its sets, and its own."""
    found: set[str] = set()
    for value, name in WORD.findall(text):
        found |= {value} if value else sets[name]
    return frozenset(found)


def _entries() -> dict[str, Entry]:
    sets, entries = _sets(), {}
    for name, kind, labels, services, meaning in _rows(5):
        if name[:1] != "`":
            continue
        assert meaning, f"{name} is explained"
        described = {}
        for part in filter(None, labels.split("; ")):
            label, values = LABEL.fullmatch(part).groups()  # type: ignore[union-attr]  # a page of another form fails
            described[label] = Label(_values(values, sets), as_they_occur="as they occur" in values)
        assert name not in entries
        entries[name.strip("`")] = Entry(kind, described, frozenset(services.split(", ")))
    return entries


ENTRIES = _entries()


@pytest.fixture
async def shown(redis_url: str) -> dict[str, Scrape]:
    return await scrapes(redis_url)


async def test_the_catalogue_lists_what_each_service_shows_and_nothing_else(shown: dict[str, Scrape]) -> None:
    where = defaultdict(set)
    for service, scrape in shown.items():
        for name, metric in scrape.items():
            where[name].add(service)
            assert name in ENTRIES, f"{name} is in the catalogue"
            assert metric.type == ENTRIES[name].type, name
            assert set(metric.labels) == set(ENTRIES[name].labels), name
    assert where == {name: set(entry.services) for name, entry in ENTRIES.items()}


async def test_every_value_is_listed_and_its_zero_is_visible_from_the_start(shown: dict[str, Scrape]) -> None:
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for scrape in shown.values():
        for name, metric in scrape.items():
            for label, values in metric.labels.items():
                seen[name, label] |= values
    for (name, label), values in seen.items():
        listed = ENTRIES[name].labels[label]
        expected = listed.values if HAS_IPV6 or label != "family" else {"ipv4"}
        if listed.as_they_occur:
            assert values <= expected, (name, label)
        elif expected:
            assert values == expected, (name, label)


def test_names_follow_the_rules() -> None:
    for name, entry in ENTRIES.items():
        if name.startswith(("process_", "python_")):
            continue
        assert re.fullmatch(r"scout_(dht|bus|api|crypto|process|build)_[a-z_]+", name), name
        assert name.endswith("_total") == (entry.type == "counter"), name
        assert not OTHER_UNITS.search(name), f"{name}: base units only"
        assert not re.search(r"_(count|sum|bucket|gauge|counter|histogram)(_|$)", name), name
        if entry.type == "histogram" and name not in {"scout_api_sync_attempts", "scout_api_sync_callers"}:
            assert name.endswith(BASE_UNITS), f"{name}: its unit comes last"


def test_labels_that_prometheus_gives_itself_are_not_ours() -> None:
    given = {"job", "instance", "namespace", "pod", "container", "service", "endpoint", "node"}
    assert not given & {label for entry in ENTRIES.values() for label in entry.labels}
