"""What the DHT node measures: the core's plain counters, read when Prometheus asks, and how its calls end.

Every label has a closed set of values: rejections are `core.errors.Rejection`, methods those of BEP 5 and BEP 44, codes
the KRPC ones with all others under `other`. No label ever holds an address, an id or a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.dht_node.core.errors import Rejection
from services.dht_node.core.family import V4, Family
from services.dht_node.core.messages import KrpcCode
from services.dht_node.net.datagrams import SEND_FAILURES
from services.dht_node.net.driver import Driver
from shared.bus.measured import OperationMeters
from shared.clock import Clock
from shared.metrics import LATENCY_SECONDS

METHODS = ("ping", "find_node", "get_peers", "announce_peer", "get", "put", "sample_infohashes")
CODES = tuple(value for name, value in vars(KrpcCode).items() if name.isupper())


def build(registry: CollectorRegistry) -> OperationMeters:
    """The meters of the calls by contract, registered with `registry`."""
    return OperationMeters.build(registry, "dht", LATENCY_SECONDS)


def prefix_of(family: Family) -> str:
    """What the names of the metrics of one family's node begin with."""
    return "scout_dht" if family is V4 else "scout_dht6"


class NodeCollector(Collector):
    """Reads a running node's figures at each scrape."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        """Read `driver`'s node; register the collector with a registry. IPv6 has metrics of its own."""
        self._prefix = prefix_of(driver.node.family)
        self._driver = driver
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All `scout_dht_*` (IPv4) or `scout_dht6_*` figures that come from the core."""
        yield from self._gauges()
        yield from self._traffic()
        stats = self._driver.node.stats
        yield self._labelled(
            "rejected", "Datagrams dropped or refused.", "reason", _complete(Rejection, stats.rejected)
        )
        yield self._labelled(
            "queries_answered", "Queries of others answered.", "method", _complete(METHODS, stats.queries_answered)
        )
        yield self._labelled("queries_sent", "Queries of our own.", "method", _complete(METHODS, stats.queries_sent))
        yield self._labelled(
            "errors_received", "KRPC errors we were answered with.", "code", _codes(stats.errors_received)
        )
        yield self._labelled(
            "send_failures",
            "Datagrams that the socket did not take.",
            "reason",
            _complete(SEND_FAILURES, self._driver.send_failures),
        )

    def _gauges(self) -> Iterator[Metric]:
        node, now = self._driver.node, self._clock.monotonic()
        yield self._gauge("contacts", "Entries of the routing table.", node.contacts)
        yield self._gauge("good_contacts", "Contacts that answered of late.", node.good_contacts(now))
        yield self._gauge("answer_ratio", "Share of our queries of late that were answered.", node.answer_ratio)
        yield self._gauge("read_only", "Whether we answer nobody just now (BEP 43).", node.read_only)
        yield self._gauge("network_size", "Nodes of the network, estimated; 0 while unknown.", node.network_size or 0)
        yield self._gauge("operations_in_hand", "Operations without an outcome yet.", node.in_hand)
        yield self._gauge("stored_items", "BEP 44 items held for others.", node.stored_items)
        yield self._gauge("stored_bytes", "Bytes that those items count for.", node.stored_bytes)

    def _traffic(self) -> Iterator[Metric]:
        stats = self._driver.node.stats
        yield self._counter("datagrams_received", "Datagrams received.", stats.datagrams_received)
        yield self._counter("received_bytes", "Bytes received.", stats.bytes_received)
        yield self._counter("datagrams_sent", "Datagrams handed to the socket.", stats.datagrams_sent)
        yield self._counter("sent_bytes", "Bytes handed to the socket.", stats.bytes_sent)
        yield self._counter("values_withheld", "Answers without the value that is held.", stats.values_withheld)
        yield self._counter("queries_replied", "Our queries that were answered in any way.", stats.queries_replied)
        yield self._counter("copies_stored", "Nodes that stored a put of ours.", stats.copies_stored)
        yield self._counter(
            "eclipse_suspected", "Lookups that ended among suspiciously near or alike nodes.", stats.eclipse_suspected
        )
        yield self._counter("queries_timed_out", "Our queries that were given up.", stats.queries_timed_out)

    def _gauge(self, name: str, text: str, value: float) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{self._prefix}_{name}", text, value=value)

    def _counter(self, name: str, text: str, value: float) -> CounterMetricFamily:
        return CounterMetricFamily(f"{self._prefix}_{name}", text, value=value)

    def _labelled(self, name: str, text: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
        family = CounterMetricFamily(f"{self._prefix}_{name}", text, labels=[label])
        for key, value in values.items():
            family.add_metric([key], value)
        return family


def _complete(keys: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Every key of a closed list, with zero where nothing has been counted yet."""
    return {str(key): counts.get(key, 0) for key in keys}


def _codes(counts: Mapping[int, int]) -> dict[str, int]:
    known = {str(code): counts.get(code, 0) for code in CODES}
    return known | {"other": sum(counts.values()) - sum(known.values())}
