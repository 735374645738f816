"""Rows of the DHT's page about what we hold: for others, for our own users, and against whom."""

from __future__ import annotations

from observability.panels.model import Panel, Query, Row, Unit, above, below
from observability.panels.promql import HERE, NODE, node_rate

STORED = Row(
    "What we hold for others",
    (
        Panel(
            "Stored items",
            "BEP 44 items by node. They go two hours after their last put.",
            (Query(f"scout_dht_stored_items{{{NODE}}}", "{{instance}} {{family}}"),),
        ),
        Panel(
            "Store filled",
            "Share of the bounds on items and on bytes, whichever is nearer. When it is full, what lies farthest goes"
            " first.",
            (
                Query(
                    f"scout_dht_stored_items{{{NODE}}} / scout_dht_stored_items_limit{{{NODE}}}", "items {{instance}}"
                ),
                Query(
                    f"scout_dht_stored_bytes{{{NODE}}} / scout_dht_stored_bytes_limit{{{NODE}}}", "bytes {{instance}}"
                ),
            ),
            Unit.SHARE,
            steps=above(0.75, 0.9),
        ),
        Panel(
            "Evicted, refused, withheld",
            "Items that made room for others; puts refused because their network has its share; long values not sent to"
            " addresses that have not proven themselves.",
            (
                Query(node_rate("scout_dht_items_evicted_total", "instance"), "evicted {{instance}}"),
                Query(node_rate("scout_dht_puts_over_quota_total", "instance"), "over quota {{instance}}"),
                Query(node_rate("scout_dht_values_withheld_total", "instance"), "withheld {{instance}}"),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Swarms",
            "Info-hashes that peers have been announced for, at most 2,000 for each family.",
            (Query(f"scout_dht_stored_swarms{{{NODE}}}", "{{instance}} {{family}}"),),
        ),
    ),
)

KEPT = Row(
    "What we keep alive",
    (
        Panel(
            "Kept items",
            "Under lease in the whole cluster, and the room there is. Each is put again once an hour.",
            (
                Query(f"max(scout_dht_kept_items{{{HERE}}})", "kept"),
                Query(f"max(scout_dht_kept_items_limit{{{HERE}}})", "room"),
            ),
        ),
        Panel(
            "Overdue",
            "Should have been put again two minutes ago or more. The DHT forgets them two hours after their last put.",
            (Query(f"max(scout_dht_kept_overdue_items{{{HERE}}})", "overdue"),),
        ),
        Panel(
            "Put again by outcome",
            "Superseded: somebody has written a newer version, which is kept from then on. Failed ones are tried"
            " again.",
            (Query(node_rate("scout_dht_kept_republished_total", "outcome"), "{{outcome}}"),),
            Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Rounds of the canary, by outcome",
            "`not_stored`: no node took it; `not_found`: nodes took it and a new lookup found none of them.",
            (
                Query(
                    f"sum by (instance, outcome) (increase(scout_dht_canary_rounds_total{{{NODE}}}[1h]))",
                    "{{instance}} {{outcome}}",
                ),
            ),
            width=12,
        ),
    ),
)

HOSTILE = Row(
    "What strangers do to us",
    (
        Panel(
            "Datagrams refused, by reason",
            "Some of each is the weather of the internet. The reasons are explained in"
            " services/dht_node/core/errors.py.",
            (Query(node_rate("scout_dht_datagrams_rejected_total", "reason"), "{{reason}}"),),
            Unit.PACKETS_PER_SECOND,
            stacked=True,
            width=12,
        ),
        Panel(
            "KRPC errors we were answered with",
            "301 and 302 belong to conditional puts; 203 in numbers would be a defect of ours.",
            (Query(node_rate("scout_dht_errors_received_total", "code"), "{{code}}"),),
            Unit.PACKETS_PER_SECOND,
            stacked=True,
            width=12,
        ),
        Panel(
            "Neighbourhoods suspected of one hand",
            "Lookups that ended among nodes too close together or too alike. Chance makes it one in a thousand.",
            (Query(node_rate("scout_dht_eclipses_suspected_total", "instance, family"), "{{instance}} {{family}}"),),
            Unit.PER_SECOND,
        ),
        Panel(
            "Bytes for answers that are left",
            "Share of a node's burst. At zero strangers' queries go unanswered; somebody may use us as a reflector.",
            (Query(f"scout_dht_egress_budget_ratio{{{NODE}}}", "{{instance}} {{family}}"),),
            Unit.SHARE,
            maximum=1,
            steps=below(0.5, 0.1),
        ),
        Panel(
            "Datagrams that the system refused to send",
            "By reason: a firewall, no route, or a socket whose buffer is full.",
            (Query(node_rate("scout_dht_send_failures_total", "instance, reason"), "{{instance}} {{reason}}"),),
            Unit.PACKETS_PER_SECOND,
        ),
    ),
)
