"""The bus: is Redis there, are requests taken, answered in time, and answered once."""

from __future__ import annotations

from observability.panels.model import Choice, Dashboard, Kind, Panel, Query, Row, Unit, above, at_least, below
from observability.panels.promql import HERE

_OF = f'{HERE}, group=~"$group"'

STATE = Row(
    "State",
    (
        Panel(
            "Processes with Redis",
            "Share of the processes of each service to which Redis answers.",
            (Query(f"avg by (job) (scout_bus_connected{{{HERE}}})", "{{job}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=6,
            height=5,
            steps=below(1, 0.5),
        ),
        Panel(
            "Waiting now",
            "Requests that no replica has taken. At 10,000 callers are turned away.",
            (Query(f"namespace_group:scout_bus_lag_messages:max{{{_OF}}}", "{{group}}"),),
            kind=Kind.STAT,
            width=6,
            height=5,
            steps=above(100, 500),
        ),
        Panel(
            "Partitions with a reader",
            "Of the 16 that the DHT's requests are shared out over. Fewer for more than some seconds: a part of all"
            " targets is not served.",
            (Query(f'sum(scout_bus_partitions{{{HERE}, group="dht"}})', "of 16"),),
            kind=Kind.STAT,
            width=6,
            height=5,
            steps=at_least(16),
        ),
        Panel(
            "Dead letters, 24 hours",
            "Requests that were given up. They lie in Redis with their reasons, the last thousand of each service.",
            (Query(f"sum by (group) (increase(scout_bus_dead_letters_total{{{_OF}}}[24h]))", "{{group}}"),),
            kind=Kind.STAT,
            width=6,
            height=5,
            steps=above(1, 10),
            decimals=0,
        ),
    ),
)

BACKLOG = Row(
    "Backlog",
    (
        Panel(
            "Lag by service",
            "Requests taken by nobody yet: the figure that KEDA scales on. Short bursts are normal.",
            (Query(f"namespace_group:scout_bus_lag_messages:max{{{_OF}}}", "{{group}}"),),
            steps=above(100, 500),
        ),
        Panel(
            "Pending by service",
            "Taken and not acknowledged: what replicas have in hand. Flat and high, with nothing handled, they are"
            " stuck.",
            (Query(f"namespace_group:scout_bus_pending_messages:max{{{_OF}}}", "{{group}}"),),
        ),
        Panel(
            "Partitions by replica",
            "Which DHT node reads how many of the 16. When one goes the others take over within seconds.",
            (Query(f"sum by (group, instance) (scout_bus_partitions{{{_OF}}})", "{{group}} {{instance}}"),),
            stacked=True,
        ),
    ),
)

THROUGHPUT = Row(
    "Throughput",
    (
        Panel(
            "Requests by operation",
            "As their callers count them, answered or not.",
            (Query(f"sum by (operation) (namespace_operation:scout_bus_requests:rate5m{{{HERE}}})", "{{operation}}"),),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Handled by outcome",
            "As replicas count them. An error is an answer, as its handler meant it; a dead letter is not.",
            (Query(f"sum by (outcome) (rate(scout_bus_handled_total{{{HERE}}}[$__rate_interval]))", "{{outcome}}"),),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Handled by replica",
            "Whether the work is shared out. A replica without any is stuck, or alone has no partition.",
            (
                Query(
                    f"sum by (job, instance) (rate(scout_bus_handled_total{{{HERE}}}[$__rate_interval]))",
                    "{{job}} {{instance}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            "From call to answer, 95 %",
            "At the caller, by operation, good or bad.",
            (Query(f"namespace_operation:scout_bus_request_seconds:p95_rate5m{{{HERE}}}", "{{operation}}"),),
            Unit.SECONDS,
            width=12,
        ),
        Panel(
            "How long requests take",
            "All operations. Two bands: crypto within milliseconds, the DHT's lookups above.",
            (Query(f"sum by (le) (increase(scout_bus_request_seconds_bucket{{{HERE}}}[$__rate_interval]))", "{{le}}"),),
            kind=Kind.HEATMAP,
            width=12,
        ),
    ),
)

TROUBLE = Row(
    "Trouble",
    (
        Panel(
            "Without an answer, by reason",
            "`overloaded`: refused at the door; `deadline_exceeded`: nobody answered in time; `bus_unavailable`: no"
            " Redis.",
            (
                Query(
                    f"sum by (group, reason) (rate(scout_bus_unanswered_total{{{_OF}}}[$__rate_interval]))",
                    "{{group}}: {{reason}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Taken over",
            "Requests claimed from replicas that had them in hand and gave no more signs of life.",
            (Query(f"sum by (group) (rate(scout_bus_redelivered_total{{{_OF}}}[$__rate_interval]))", "{{group}}"),),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Dead letters by reason",
            "`failed`: every attempt did; `abandoned`: replica after replica died with it; `lost`: deleted from the"
            " stream; `undecodable`: not of the contract, or another bus key.",
            (
                Query(
                    f"sum by (group, reason) (rate(scout_bus_dead_letters_total{{{_OF}}}[$__rate_interval]))",
                    "{{group}}: {{reason}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Late replies",
            "Answers that came after their caller had given up: work done for nothing.",
            (
                Query(
                    f"sum by (instance) (rate(scout_bus_late_replies_total{{{HERE}}}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Redis connected, by process",
            "0 while Redis does not answer a process. Short gaps are ridden out; after ten seconds it is not ready.",
            (Query(f"scout_bus_connected{{{HERE}}}", "{{job}} {{instance}}"),),
            maximum=1,
            width=16,
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="scout-bus",
    title="Scout / Bus",
    description="Requests and replies between the services: taken, answered, late, lost.",
    rows=(STATE, BACKLOG, THROUGHPUT, LATENCY, TROUBLE),
    choices=(
        Choice("namespace", "namespace", "scout_build_info"),
        Choice("group", "group", "scout_bus_lag_messages"),
    ),
)
