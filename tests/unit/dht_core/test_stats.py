from __future__ import annotations

from services.dht_node.core.stats import NodeStats, QueryOutcome


def test_durations_are_counted_as_a_histogram_counts_them() -> None:
    stats = NodeStats()
    for seconds in (0.01, 0.011, 3.0, 60.0):
        stats.query_ended("get", QueryOutcome.REPLIED, seconds)
    took = stats.query_seconds["get", QueryOutcome.REPLIED]
    assert took.total == 63.021
    counted = dict(took.cumulative())
    assert counted[0.005] == 0
    assert counted[0.01] == 1
    assert counted[0.025] == 2
    assert counted[2.5] == 2
    assert counted[5.0] == 3
    assert counted[float("inf")] == 4


def test_methods_and_outcomes_are_counted_apart() -> None:
    stats = NodeStats()
    stats.query_ended("get", QueryOutcome.REPLIED, 0.1)
    stats.query_ended("get", QueryOutcome.TIMED_OUT, 4.0)
    stats.query_ended("put", QueryOutcome.REPLIED, 0.1)
    assert len(stats.query_seconds) == 3
