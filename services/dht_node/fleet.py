"""What a DHT node process says about itself; see `shared.contracts.fleet`.

Figures that /metrics has are read of the same registry; the id, the addresses and the buckets are told here only, as no
metric may be labelled with them.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.dht_node.health import CanaryHealth
from services.dht_node.lookup_meters import family_name
from services.dht_node.net.driver import Driver
from shared.clock import Clock
from shared.contracts.fleet import Bucket, Dht, DhtNode
from shared.fleet import operations_of
from shared.samples import Samples


def dht_of(samples: Samples, drivers: Sequence[Driver], canary: CanaryHealth, clock: Clock) -> Dht:
    """All that the process adds: its nodes, one for each family, and what they do for the cluster."""
    now = clock.monotonic()
    operations, failures = operations_of(samples, "dht")
    return Dht(
        nodes=[_node(samples, driver, now) for driver in drivers],
        canary_success=samples.total("scout_dht_canary_success") == 1,
        canary_age_s=canary.age(now),
        kept_items=samples.count("scout_dht_kept_items"),
        kept_overdue=samples.count("scout_dht_kept_overdue_items"),
        operations=operations,
        failures=failures,
    )


def _node(samples: Samples, driver: Driver, now: float) -> DhtNode:
    node, family = driver.node, family_name(driver.node.family)

    def count(name: str, **labels: str) -> int:
        return samples.count(f"scout_dht_{name}", family=family, **labels)

    return DhtNode(
        family=family,
        node_id=node.id.hex(),
        listen=str(driver.endpoint),
        external_address=node.external_host,
        read_only=count("read_only") == 1,
        contacts=count("contacts"),
        good_contacts=count("contacts", state="good"),
        buckets=[
            Bucket(index=index, good=good, questionable=questionable, bad=bad)
            for index, (good, questionable, bad) in node.contacts_by_bucket(now).items()
        ],
        answer_ratio=samples.total("scout_dht_answer_ratio", family=family),
        network_size=count("network_size_nodes") or None,
        stored_items=count("stored_items"),
        stored_bytes=count("stored_bytes"),
        datagrams_received=count("datagrams_received_total"),
        received_bytes=count("received_bytes_total"),
        datagrams_sent=count("datagrams_sent_total"),
        sent_bytes=count("sent_bytes_total"),
        queries_sent=samples.by("method", "scout_dht_queries_sent_total", family=family),
        queries_answered=samples.by("method", "scout_dht_queries_answered_total", family=family),
        queries_timed_out=count("query_seconds_count", outcome="timed_out"),
        lookups={
            kind: samples.by("outcome", "scout_dht_lookup_seconds_count", family=family, kind=kind)
            for kind in samples.by("kind", "scout_dht_lookup_seconds_count", family=family)
        },
        rejected=count("datagrams_rejected_total"),
    )
