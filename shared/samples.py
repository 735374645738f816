"""The figures of a registry at one moment, for those who tell them in another form than Prometheus's.

Who reads them here shows the very numbers that /metrics shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

_SUFFIXES = ("", "_total", "_count", "_sum", "_bucket")
"""Behind a metric's name in the names of its samples."""


class Samples:
    """The samples of a registry, read once."""

    def __init__(self, registry: CollectorRegistry, expected: Collection[str] = ()) -> None:
        """Read every collector, as a scrape would; with `expected` names of samples at first only what those are of.

        Whoever reads again and again hands on what was `asked` before: most samples are buckets of histograms that
        nobody reads here, and all of them together take some milliseconds in which the loop does nothing else.
        """
        self.asked: set[str] = set()
        """The names that were read."""
        self._registry = registry
        self._partial = bool(expected)
        self._of: defaultdict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        self._of.update({name: [] for name in expected})
        self._read(registry.restricted_registry(expected) if expected else registry)

    def _read(self, registry: Collector) -> None:
        for family in registry.collect():
            for suffix in _SUFFIXES:  # a labelled metric that has counted nothing yet has no sample
                self._of[family.name + suffix] = []
            for sample in family.samples:
                self._of[sample.name].append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; raises KeyError for a name that nobody registered."""
        return sum(value for has, value in self._named(name) if labels.items() <= has.items())

    def count(self, name: str, **labels: str) -> int:
        """The same as a whole number."""
        return round(self.total(name, **labels))

    def by(self, label: str, name: str, **labels: str) -> dict[str, int]:
        """Sums by the value of one label, zeros left out; raises KeyError for a name that nobody registered."""
        sums: defaultdict[str, int] = defaultdict(int)
        for has, value in self._named(name):
            if value and labels.items() <= has.items():
                sums[has[label]] += round(value)
        return dict(sums)

    def buckets(self, histogram: str) -> dict[float, int]:
        """Observations up to each bound, over all labels; the bound of the last is infinity."""
        sums: defaultdict[float, int] = defaultdict(int)
        for has, value in self._named(f"{histogram}_bucket"):
            sums[inf if has["le"] == "+Inf" else float(has["le"])] += round(value)
        return dict(sorted(sums.items()))

    def values(self, label: str, name: str) -> list[str]:
        """The values that a label has; raises KeyError for a name that nobody registered."""
        return sorted({has[label] for has, _ in self._named(name)})

    def _named(self, name: str) -> list[tuple[dict[str, str], float]]:
        self.asked.add(name)
        if name not in self._of and self._partial:
            self._partial = False
            self._read(self._registry)
        if name not in self._of:
            raise KeyError(name)
        return self._of[name]
