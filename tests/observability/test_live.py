"""Every query of every panel, asked of a Prometheus that has watched a cluster at work and in trouble."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.observability.files import PanelQuery, alerts, panel_queries, recorded, substituted
from tests.observability.story import JOBS, PROCESSES, Observed, observe

RATE_INTERVAL = "10s"
"""Of `$__rate_interval` at this pulse: wide enough for a rate, narrow enough that a short trouble stands out."""

STORY_WITHIN = 300.0

STILL = {
    "scout_dht_items_evicted_total": "takes a full store",
    "scout_dht_puts_over_quota_total": "labs have no quotas: all nodes are one network",
    "scout_dht_values_withheld_total": "labs have no budgets for bytes",
    "scout_dht_eclipses_suspected_total": "nobody crowds a target",
    "scout_dht_send_failures_total": "loopback takes everything",
    "scout_dht_read_only": "our nodes are servers",
    "scout_api_rejections_dropped_total": "takes a flood",
    "scout_api_rollbacks_suspected_total": "takes nodes that forget what they held",
}
"""Metrics that stay at zero here, and why. Everything else has moved."""

TROUBLE = {
    "ScoutWatchdog": "always fires",
    "ScoutTargetDown": "a DHT node was killed",
    "ScoutSyncFailureBudgetBurn": "syncs failed while crypto hung",
    "ScoutKeyFileRefused": "the key file was spoilt",
    "ScoutDhtCutOff": "the swarm went away",
    "ScoutDhtKeptOverdue": "nothing could be put again",
    "ScoutBusDisconnected": "the bus was away",
    "ScoutBusDeadLetters": "rubbish on a stream",
}
"""Alerts that what happened here made fire."""

pytestmark = pytest.mark.timeout(STORY_WITHIN)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    with ExitStack() as stack:
        yield observe(tmp_path_factory.mktemp("story"), stack)


def figures(series: list[dict[str, Any]]) -> list[float]:
    """All values of all series but those that are no number (0 / 0: nothing happened)."""
    values = [float(value) for one in series for _time, value in one["values"]]
    return [value for value in values if not math.isnan(value)]


def test_every_process_was_scraped(observed: Observed) -> None:
    up = observed.prometheus.range("up", observed.start, observed.end)
    assert {one["metric"]["job"] for one in up} == set(JOBS.values())
    assert len(up) == PROCESSES


def test_no_rule_failed(observed: Observed) -> None:
    """Many-to-many matches and the like show only when there is data."""
    failed = [(rule["name"], rule.get("lastError")) for rule in observed.prometheus.rules() if rule["health"] != "ok"]
    assert failed == []
    log = observed.prometheus.log.read_text()
    assert "Evaluating rule failed" not in log


@pytest.mark.parametrize("query", panel_queries(), ids=str)
def test_every_query_of_every_panel_has_data(observed: Observed, query: PanelQuery) -> None:
    found = figures(observed.prometheus.range(substituted(query.expr, RATE_INTERVAL), observed.start, observed.end))
    assert found, "no series, or nothing but NaN"
    still = any(metric in query.expr for metric in STILL)
    assert (max(found) == 0) == still, f"its largest value is {max(found)}"


@pytest.mark.parametrize("record", [rule["record"] for rule in recorded()])
def test_every_recorded_series_has_data(observed: Observed, record: str) -> None:
    assert figures(observed.prometheus.range(record, observed.start, observed.end))


@pytest.mark.parametrize("alert", TROUBLE)
def test_trouble_makes_its_alert_fire(observed: Observed, alert: str) -> None:
    firing = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    assert observed.prometheus.range(firing, observed.start, observed.end), TROUBLE[alert]


def test_the_alerts_of_the_trouble_are_alerts() -> None:
    assert set(TROUBLE) <= {rule["alert"] for rule in alerts()}
