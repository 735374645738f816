"""Reports of processes, as tests need them."""

from __future__ import annotations

from shared.contracts.fleet import BusService, Dht, DhtNode, Report

NODE = DhtNode(
    family="ipv4",
    node_id="ab" * 20,
    listen="127.0.0.1:6881",
    external_address="198.51.100.4",
    read_only=False,
    contacts=0,
    good_contacts=0,
    buckets=[],
    answer_ratio=1.0,
    network_size=None,
    stored_items=0,
    stored_bytes=0,
    datagrams_received=0,
    received_bytes=0,
    datagrams_sent=0,
    sent_bytes=0,
    queries_sent={},
    queries_answered={},
    queries_timed_out=0,
    lookups={},
    rejected=0,
)


def a_report(
    service: str = "crypto",
    number: int = 1,
    *,
    uptime_s: float = 60,
    lag: int = 0,
    overdue: int = 0,
    checks: dict[str, bool] | None = None,
) -> Report:
    """A report of the process `h#<number>#x`; a DHT node's has one node."""
    bus = BusService(lag=lag, pending=0, partitions=1, redelivered=0, dead_letters={})
    dht = Dht(
        nodes=[NODE],
        canary_success=True,
        canary_age_s=1.0,
        kept_items=overdue,
        kept_overdue=overdue,
        operations={},
        failures={},
    )
    return Report(
        service=service,
        instance=f"h#{number}#x",
        host="h",
        version="1.2.3",
        uptime_ms=round(uptime_s * 1000),
        checks=checks or {"bus": True},
        bus={} if service == "api" else {"dht" if service == "dht_node" else service: bus},
        dht=dht if service == "dht_node" else None,
    )
