from __future__ import annotations

from math import inf

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.samples import Samples


def test_sums_over_labels() -> None:
    registry = CollectorRegistry()
    counter = Counter("things", "Things.", ["kind", "size"], registry=registry)
    assert Samples(registry).total("things_total") == 0
    assert Samples(registry).by("kind", "things_total") == {}
    counter.labels("a", "big").inc(2)
    counter.labels("a", "small").inc()
    counter.labels("b", "small").inc(0)
    samples = Samples(registry)
    assert samples.count("things_total") == 3
    assert samples.count("things_total", kind="a", size="big") == 2
    assert samples.by("kind", "things_total") == {"a": 3}
    assert samples.values("kind", "things_total") == ["a", "b"]
    with pytest.raises(KeyError):
        samples.total("nothing")


def test_histograms_are_summed_bound_by_bound() -> None:
    registry = CollectorRegistry()
    seconds = Histogram("work_seconds", "Work.", ["kind"], buckets=(0.1, 1), registry=registry)
    for kind, value in (("a", 0.05), ("a", 0.5), ("b", 5)):
        seconds.labels(kind).observe(value)
    assert Samples(registry).buckets("work_seconds") == {0.1: 1, 1.0: 2, inf: 3}


def test_what_is_expected_is_read_without_the_rest_and_the_rest_when_it_is_asked_for() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    Counter("others", "Others.", registry=registry).inc(2)
    Counter("kinds", "Kinds.", ["kind"], registry=registry)
    first = Samples(registry)
    assert (first.count("things_total"), first.count("kinds_total")) == (1, 0)
    assert first.asked == {"things_total", "kinds_total"}
    again = Samples(registry, first.asked)
    assert (again.count("things_total"), again.count("kinds_total")) == (1, 0)
    assert again.count("others_total") == 2
    with pytest.raises(KeyError):
        again.total("nothing")
