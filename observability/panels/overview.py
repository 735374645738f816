"""The first page: are the promises kept, who asks for what, what fails, what is slow, what is full, who is there."""

from __future__ import annotations

from observability.panels.callers import ERRORS, LATENCY, TRAFFIC
from observability.panels.model import (
    Choice,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    above,
    below,
)
from observability.panels.processes import FLEET, SATURATION
from observability.panels.promql import HERE

PROMISES = Row(
    "Promises",
    (
        Panel(
            "Syncs that succeed, 30 days",
            "Share of all syncs that did what they were asked for. The promise is 99.5 %; what callers do wrong does"
            " not count.",
            (Query(f"1 - namespace:scout_sync_failures:ratio_rate30d{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=4,
            height=5,
            steps=below(0.998, 0.995),
            maximum=1,
            decimals=2,
        ),
        Panel(
            "Failure budget left",
            "Of the failures that 30 days may have, the share that is not used up. Below zero the promise is broken,"
            " and reliability comes before everything else.",
            (Query(f"namespace:scout_sync_failure_budget:left30d{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=4,
            height=5,
            steps=below(0.5, 0.1),
            minimum=None,
            decimals=1,
        ),
        Panel(
            "Syncs within 3 s, 30 days",
            "Share of the syncs that succeeded which took no longer than three seconds. The promise is 95 %.",
            (Query(f"1 - namespace:scout_sync_slow:ratio_rate30d{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=4,
            height=5,
            steps=below(0.97, 0.95),
            maximum=1,
            decimals=2,
        ),
        Panel(
            "Slowness budget left",
            "Of the slow syncs that 30 days may have, the share that is not used up.",
            (Query(f"namespace:scout_sync_slow_budget:left30d{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=4,
            height=5,
            steps=below(0.5, 0.1),
            minimum=None,
            decimals=1,
        ),
        Panel(
            "Alerts firing",
            "How many there are, by severity. Critical ones wake somebody; each has a run-book in"
            " observability/runbooks.",
            (
                Query(
                    'count(ALERTS{alertname=~"Scout.+", alertstate="firing", severity="critical", '
                    f"{HERE}}}) or vector(0)",
                    "critical",
                ),
                Query(
                    'count(ALERTS{alertname=~"Scout.+", alertstate="firing", severity="warning", '
                    f"{HERE}}}) or vector(0)",
                    "warning",
                ),
            ),
            kind=Kind.STAT,
            width=4,
            height=5,
            steps=above(1, 3),
        ),
        Panel(
            "Processes up",
            "Share of the processes of each service that Prometheus reaches.",
            (Query(f"namespace_job:scout_up:ratio{{{HERE}}}", "{{job}}"),),
            Unit.SHARE,
            Kind.STAT,
            width=4,
            height=5,
            steps=below(1, 0.5),
        ),
        Panel(
            "How fast the failure budget burns",
            "1 uses up the budget in exactly 30 days. Above 14.4 over an hour, or 6 over six hours, somebody is woken.",
            (
                Query(f"namespace:scout_sync_failures:ratio_rate5m{{{HERE}}} / 0.005", "5 minutes"),
                Query(f"namespace:scout_sync_failures:ratio_rate1h{{{HERE}}} / 0.005", "1 hour"),
                Query(f"namespace:scout_sync_failures:ratio_rate6h{{{HERE}}} / 0.005", "6 hours"),
                Query(f"namespace:scout_sync_failures:ratio_rate3d{{{HERE}}} / 0.005", "3 days"),
            ),
            width=12,
            steps=above(6, 14.4),
        ),
        Panel(
            "How fast the slowness budget burns",
            "The same for syncs that succeed, but take longer than three seconds.",
            (
                Query(f"namespace:scout_sync_slow:ratio_rate5m{{{HERE}}} / 0.05", "5 minutes"),
                Query(f"namespace:scout_sync_slow:ratio_rate1h{{{HERE}}} / 0.05", "1 hour"),
                Query(f"namespace:scout_sync_slow:ratio_rate6h{{{HERE}}} / 0.05", "6 hours"),
                Query(f"namespace:scout_sync_slow:ratio_rate3d{{{HERE}}} / 0.05", "3 days"),
            ),
            width=12,
            steps=above(6, 14.4),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="scout-overview",
    title="Scout / Overview",
    description="Whether the promises are kept, and if not, where to look.",
    rows=(PROMISES, TRAFFIC, ERRORS, LATENCY, SATURATION, FLEET),
    choices=(Choice("namespace", "namespace", "scout_build_info"),),
)
