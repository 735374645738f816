"""What the DHT node measures: the core's plain counters, read when Prometheus asks, and how its calls end.

Every label has a closed set of values: rejections are `core.errors.Rejection`, methods those of BEP 5 and BEP 44, codes
the KRPC ones with all others under `other`. No label ever holds an address, an id or a target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import KrpcCode
from services.dht_node.core.node import Node
from services.dht_node.core.stats import Durations, NodeStats, QueryOutcome
from services.dht_node.lookup_meters import family_name
from services.dht_node.net.datagrams import SEND_FAILURES
from services.dht_node.net.driver import Driver
from shared.bus.measured import OperationMeters
from shared.clock import Clock
from shared.errors import ErrorCode
from shared.metrics import NETWORK_SECONDS

CONTACT_STATES = ("good", "questionable", "bad")
"""As `Node.contacts_by_bucket` counts them."""
NONE = (0, 0, 0)
METHODS = ("ping", "find_node", "get_peers", "announce_peer", "get", "put", "sample_infohashes")
KRPC_CODES = tuple(value for name, value in vars(KrpcCode).items() if name.isupper())
FAILURES = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.ITEM_TOO_LARGE,
    ErrorCode.KEEP_FULL,
    ErrorCode.OVERLOADED,
    ErrorCode.DHT_UNAVAILABLE,
    ErrorCode.BUS_UNAVAILABLE,
    ErrorCode.DEADLINE_EXCEEDED,
    ErrorCode.INTERNAL,
)
"""How calls by contract fail."""


def build(registry: CollectorRegistry) -> OperationMeters:
    """The meters of the calls by contract, registered with `registry`."""
    return OperationMeters.build(registry, "dht", NETWORK_SECONDS, FAILURES)


class NodeCollector(Collector):
    """Reads running nodes' figures at each scrape, each under the label of its address family."""

    def __init__(self, drivers: Sequence[Driver], clock: Clock) -> None:
        """Read these drivers' nodes, of different families; register the collector with a registry."""
        self._drivers = drivers
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """What the registry knows it by, so that it can be read without all the others."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """All `scout_dht_*` figures that come from the core."""
        yield from self._contacts()
        yield from self._gauges()
        yield from self._counters()
        yield from self._by_label()
        yield self._query_seconds()

    def _contacts(self) -> Iterator[Metric]:
        now = self._clock.monotonic()
        contacts = GaugeMetricFamily("scout_dht_contacts", "Entries of the routing table.", labels=["family", "state"])
        for family, driver in self._by_family():
            buckets = driver.node.contacts_by_bucket(now).values()
            for state, numbers in zip(CONTACT_STATES, zip(NONE, *buckets, strict=True), strict=True):
                contacts.add_metric([family, state], sum(numbers))
        yield contacts

    def _gauges(self) -> Iterator[Metric]:
        now = self._clock.monotonic()
        yield self._gauge(
            "answer_ratio", "Share of our queries of late that were answered.", lambda node: node.answer_ratio
        )
        yield self._gauge("read_only", "1 while we answer nobody (BEP 43), else 0.", lambda node: node.read_only)
        yield self._gauge(
            "network_size_nodes",
            "Nodes of the network, estimated; 0 while unknown.",
            lambda node: node.network_size or 0,
        )
        yield self._gauge("operations_in_hand", "Operations without an outcome yet.", lambda node: node.in_hand)
        yield self._gauge("stored_items", "BEP 44 items held for others.", lambda node: node.stored_items)
        yield self._gauge("stored_bytes", "Bytes that those items count for.", lambda node: node.stored_bytes)
        yield self._gauge("stored_items_limit", "How many they may be.", lambda node: node.stored_items_limit)
        yield self._gauge("stored_bytes_limit", "Bytes they may count for.", lambda node: node.stored_bytes_limit)
        yield self._gauge("stored_swarms", "Info-hashes with announced peers.", lambda node: node.stored_swarms)
        yield self._gauge(
            "egress_budget_ratio",
            "Share of the bytes for answers that is left; 1 without a limit.",
            lambda node: node.egress_left(now),
        )

    def _counters(self) -> Iterator[Metric]:
        yield self._counter("datagrams_received", "Datagrams received.", lambda stats: stats.datagrams_received)
        yield self._counter("received_bytes", "Bytes received.", lambda stats: stats.bytes_received)
        yield self._counter("datagrams_sent", "Datagrams handed to the socket.", lambda stats: stats.datagrams_sent)
        yield self._counter("sent_bytes", "Bytes handed to the socket.", lambda stats: stats.bytes_sent)
        yield self._counter(
            "values_withheld", "Answers without the value that is held.", lambda stats: stats.values_withheld
        )
        yield self._counter("copies_stored", "Nodes that stored a put of ours.", lambda stats: stats.copies_stored)
        yield self._counter(
            "eclipses_suspected",
            "Lookups that ended among suspiciously near or alike nodes.",
            lambda stats: stats.eclipse_suspected,
        )
        yield self._of_nodes(
            CounterMetricFamily, "items_evicted", "Items that made room for others.", lambda node: node.items_evicted
        )
        yield self._of_nodes(
            CounterMetricFamily,
            "puts_over_quota",
            "Puts refused because their network had its share of the store.",
            lambda node: node.puts_over_quota,
        )

    def _by_label(self) -> Iterator[Metric]:
        yield self._labelled(
            ("datagrams_rejected", "reason"),
            "Datagrams dropped or refused.",
            lambda driver: _complete(Rejection, driver.node.stats.rejected),
        )
        yield self._labelled(
            ("queries_answered", "method"),
            "Queries of others answered.",
            lambda driver: _complete(METHODS, driver.node.stats.queries_answered),
        )
        yield self._labelled(
            ("queries_sent", "method"),
            "Queries of our own.",
            lambda driver: _complete(METHODS, driver.node.stats.queries_sent),
        )
        yield self._labelled(
            ("errors_received", "code"),
            "KRPC errors we were answered with.",
            lambda driver: _codes(driver.node.stats.errors_received),
        )
        yield self._labelled(
            ("send_failures", "reason"),
            "Datagrams that the socket did not take.",
            lambda driver: _complete(SEND_FAILURES, driver.send_failures),
        )

    def _query_seconds(self) -> Metric:
        metric = HistogramMetricFamily(
            "scout_dht_query_seconds",
            "From a query of ours to its answer, or to when it was given up.",
            labels=["family", "method", "outcome"],
        )
        none_yet = Durations()
        for family, driver in self._by_family():
            for method in METHODS:
                for outcome in QueryOutcome:
                    took = driver.node.stats.query_seconds.get((method, outcome), none_yet)
                    buckets = [("+Inf" if bound == inf else str(bound), count) for bound, count in took.cumulative()]
                    metric.add_metric([family, method, outcome], buckets, took.total)
        return metric

    def _by_family(self) -> Iterator[tuple[str, Driver]]:
        return ((family_name(driver.node.family), driver) for driver in self._drivers)

    def _gauge(self, name: str, text: str, value: Callable[[Node], float]) -> Metric:
        return self._of_nodes(GaugeMetricFamily, name, text, value)

    def _counter(self, name: str, text: str, value: Callable[[NodeStats], float]) -> Metric:
        return self._of_nodes(CounterMetricFamily, name, text, lambda node: value(node.stats))

    def _of_nodes(
        self,
        kind: type[GaugeMetricFamily | CounterMetricFamily],
        name: str,
        text: str,
        value: Callable[[Node], float],
    ) -> Metric:
        metric = kind(f"scout_dht_{name}", text, labels=["family"])
        for family, driver in self._by_family():
            metric.add_metric([family], value(driver.node))
        return metric

    def _labelled(self, name: tuple[str, str], text: str, values: Callable[[Driver], Mapping[str, int]]) -> Metric:
        """A counter by one label more; `name` is its own and that of the label."""
        metric = CounterMetricFamily(f"scout_dht_{name[0]}", text, labels=["family", name[1]])
        for family, driver in self._by_family():
            for key, value in values(driver).items():
                metric.add_metric([family, key], value)
        return metric


def _complete(keys: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Every key of a closed list, with zero where nothing has been counted yet."""
    return {str(key): counts.get(key, 0) for key in keys}


def _codes(counts: Mapping[int, int]) -> dict[str, int]:
    known = {str(code): counts.get(code, 0) for code in KRPC_CODES}
    return known | {"other": sum(counts.values()) - sum(known.values())}
