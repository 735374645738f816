"""What a DHT node process says about itself; see `shared.contracts.fleet`.

Figures that /metrics has are read of the same registry; the id, the addresses and the buckets are told here only, as no
metric may be labelled with them.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.dht_node.core.family import V4
from services.dht_node.health import CanaryHealth
from services.dht_node.meters import prefix_of
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
        kept_overdue=samples.count("scout_dht_kept_overdue"),
        operations=operations,
        failures=failures,
    )


def _node(samples: Samples, driver: Driver, now: float) -> DhtNode:
    node, prefix = driver.node, prefix_of(driver.node.family)

    def count(name: str) -> int:
        return samples.count(f"{prefix}_{name}")

    return DhtNode(
        family="ipv4" if node.family is V4 else "ipv6",
        node_id=node.id.hex(),
        listen=str(driver.endpoint),
        external_address=node.external_host,
        read_only=count("read_only") == 1,
        contacts=count("contacts"),
        good_contacts=count("good_contacts"),
        buckets=[
            Bucket(index=index, good=good, questionable=questionable, bad=bad)
            for index, (good, questionable, bad) in node.contacts_by_bucket(now).items()
        ],
        answer_ratio=samples.total(f"{prefix}_answer_ratio"),
        network_size=count("network_size") or None,
        stored_items=count("stored_items"),
        stored_bytes=count("stored_bytes"),
        datagrams_received=count("datagrams_received_total"),
        received_bytes=count("received_bytes_total"),
        datagrams_sent=count("datagrams_sent_total"),
        sent_bytes=count("sent_bytes_total"),
        queries_sent=samples.by("method", f"{prefix}_queries_sent_total"),
        queries_answered=samples.by("method", f"{prefix}_queries_answered_total"),
        queries_timed_out=count("queries_timed_out_total"),
        rejected=count("rejected_total"),
    )
