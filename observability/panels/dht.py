"""The DHT: is there a network, does it find and store, what do we hold, what do strangers do to us."""

from __future__ import annotations

from observability.panels.holdings import HOSTILE, KEPT, STORED
from observability.panels.model import Choice, Dashboard, Kind, Panel, Query, Row, Unit, above, at_least
from observability.panels.promql import HERE, NODE, node_rate

NETWORK = Row(
    "The network around us",
    (
        Panel(
            "Own item read back",
            "Each node writes a small item and reads it back every ten minutes: the one proof that all of it works."
            " 1: the last round went well.",
            (Query(f"scout_dht_canary_success{{{NODE}}}", "{{instance}}"),),
            kind=Kind.STAT,
            width=6,
            height=5,
            steps=at_least(1),
        ),
        Panel(
            "Since the item was read back",
            "Normally under a quarter of an hour. Beyond 45 minutes on every node somebody is woken.",
            (Query(f"scout_dht_canary_age_seconds{{{NODE}}}", "{{instance}}"),),
            Unit.SECONDS,
            Kind.STAT,
            width=6,
            height=5,
            steps=above(1200, 2700),
        ),
        Panel(
            "Size of the network",
            "Nodes that answer, estimated from how near to a target the nearest ones lie. The public DHT has millions.",
            (Query(f"scout_dht_network_size_nodes{{{NODE}}}", "{{instance}} {{family}}"),),
            kind=Kind.STAT,
            width=6,
            height=5,
        ),
        Panel(
            "Read-only",
            "1: the node asks and answers nobody, because it is set to, or because no stranger reaches it.",
            (Query(f"scout_dht_read_only{{{NODE}}}", "{{instance}} {{family}}"),),
            kind=Kind.STAT,
            width=6,
            height=5,
            steps=above(1, 2),
        ),
        Panel(
            "Contacts by state",
            "Good ones answered within 15 minutes, questionable ones earlier, bad ones not the last few times.",
            (Query(f"sum by (family, state) (scout_dht_contacts{{{NODE}}})", "{{family}} {{state}}"),),
            stacked=True,
        ),
        Panel(
            "Good contacts by node",
            "Fewer than eight and a node bootstraps again; nodes of one cluster should know about as many.",
            (
                Query(
                    f'sum by (instance, family) (scout_dht_contacts{{{NODE}, state="good"}})',
                    "{{instance}} {{family}}",
                ),
            ),
        ),
        Panel(
            "Answered, share of our queries",
            "Of late at each node, and over five minutes of all. On the public DHT a quarter or more is usual; under"
            " a tenth a node is not ready.",
            (
                Query(f"scout_dht_answer_ratio{{{NODE}}}", "{{instance}} {{family}}"),
                Query(f"namespace:scout_dht_answers:ratio_rate5m{{{HERE}}}", "all, 5 minutes"),
            ),
            Unit.SHARE,
            maximum=1,
        ),
    ),
)

LOOKUPS = Row(
    "Lookups and puts",
    (
        Panel(
            "Lookups by kind",
            "What our services ask of the DHT. A put begins with a lookup, unless one of the same target is still"
            " warm.",
            (Query(f"sum by (kind) (namespace_kind:scout_dht_lookups:rate5m{{{HERE}}})", "{{kind}}"),),
            Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Lookups by outcome",
            "A conflict means that somebody else wrote first, and the writer reads again. `unavailable` and"
            " `deadline_exceeded` are trouble.",
            (Query(node_rate("scout_dht_lookup_seconds_count", "outcome"), "{{outcome}}"),),
            Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Lookups that fail",
            "Share that ended without an answer, or stored nothing. An alert fires above 10 % for ten minutes.",
            (Query(f"namespace:scout_dht_lookup_failures:ratio_rate5m{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            steps=above(0.05, 0.1),
        ),
        Panel(
            "Time of a lookup by kind, 95 %",
            "From the call to its outcome, waiting in line and storing included.",
            (Query(f"namespace_kind:scout_dht_lookup_seconds:p95_rate5m{{{HERE}}}", "{{kind}}"),),
            Unit.SECONDS,
            steps=above(2, 3),
        ),
        Panel(
            "How long lookups take",
            "Each column is a span of time, each cell how many lookups of all kinds fell into that class of durations.",
            (
                Query(
                    f"sum by (le) (increase(scout_dht_lookup_seconds_bucket{{{NODE}}}[$__rate_interval]))",
                    "{{le}}",
                ),
            ),
            kind=Kind.HEATMAP,
        ),
        Panel(
            "Operations in hand, and copies stored",
            "In hand: without an outcome yet, by node. Copies: nodes that took a put of ours, a second.",
            (
                Query(f"sum by (instance) (scout_dht_operations_in_hand{{{NODE}}})", "in hand {{instance}}"),
                Query(f"sum(rate(scout_dht_copies_stored_total{{{NODE}}}[$__rate_interval]))", "copies a second"),
            ),
        ),
    ),
)

QUERIES = Row(
    "Queries and datagrams",
    (
        Panel(
            "Our queries by method",
            "A lookup takes some dozens. `ping` and `find_node` without lookups are the upkeep of the routing table.",
            (Query(node_rate("scout_dht_queries_sent_total", "method"), "{{method}}"),),
            Unit.PACKETS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "How our queries end",
            "Timed out: no answer within four seconds. Refused: answered with a KRPC error.",
            (Query(node_rate("scout_dht_query_seconds_count", "outcome"), "{{outcome}}"),),
            Unit.PACKETS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Round trips",
            "Of the queries that were answered: half of them, and 95 %, within this time.",
            (
                Query(
                    "histogram_quantile(0.5, "
                    + node_rate("scout_dht_query_seconds_bucket", "le", ', outcome!="timed_out"')
                    + ")",
                    "half",
                ),
                Query(
                    "histogram_quantile(0.95, "
                    + node_rate("scout_dht_query_seconds_bucket", "le", ', outcome!="timed_out"')
                    + ")",
                    "95 %",
                ),
            ),
            Unit.SECONDS,
        ),
        Panel(
            "Queries of others by method",
            "What strangers ask of us, answered. Nothing for long: nobody reaches us.",
            (Query(node_rate("scout_dht_queries_answered_total", "method"), "{{method}}"),),
            Unit.PACKETS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Datagrams",
            "Received and sent, by node. A node on the public DHT gets some hundreds a second, most of them queries.",
            (
                Query(node_rate("scout_dht_datagrams_received_total", "instance"), "received {{instance}}"),
                Query(node_rate("scout_dht_datagrams_sent_total", "instance"), "sent {{instance}}"),
            ),
            Unit.PACKETS_PER_SECOND,
        ),
        Panel(
            "Bytes",
            "Received and sent, by node. Answers to strangers are bounded at 2 MiB/s for each node.",
            (
                Query(node_rate("scout_dht_received_bytes_total", "instance"), "received {{instance}}"),
                Query(node_rate("scout_dht_sent_bytes_total", "instance"), "sent {{instance}}"),
            ),
            Unit.BYTES_PER_SECOND,
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="scout-dht",
    title="Scout / DHT",
    description="The DHT nodes: the network around them, what they find, hold and keep alive, and who troubles them.",
    rows=(NETWORK, LOOKUPS, QUERIES, STORED, KEPT, HOSTILE),
    choices=(
        Choice("namespace", "namespace", "scout_build_info"),
        Choice("instance", "instance", 'scout_build_info{component="dht_node"}'),
    ),
)
