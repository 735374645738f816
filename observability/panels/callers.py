"""Rows of the overview about callers: who asks for what, what fails, what is slow."""

from __future__ import annotations

from observability.panels.model import Kind, Panel, Query, Row, Unit, above
from observability.panels.promql import HERE

TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests by route",
            "What is asked for. Routes are templates; paths that are no route stand under `unmatched`.",
            (
                Query(
                    f"sum by (route) (rate(scout_api_request_seconds_count{{{HERE}}}[$__rate_interval]))", "{{route}}"
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Syncs by outcome",
            "Refused: the caller asked for what can't be done. Failed: it should have worked.",
            (
                Query(
                    f"sum by (outcome) (rate(scout_api_sync_seconds_count{{{HERE}}}[$__rate_interval]))", "{{outcome}}"
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Work saved and work repeated by syncs",
            "Callers that one write served: above 1, syncs of one record were done together. Rounds that a write took:"
            " well above 1, several processes write the same records.",
            (
                Query(
                    f"sum(rate(scout_api_sync_callers_sum{{{HERE}}}[$__rate_interval]))"
                    f" / sum(rate(scout_api_sync_callers_count{{{HERE}}}[$__rate_interval]))",
                    "callers a write",
                ),
                Query(
                    f"sum(rate(scout_api_sync_attempts_sum{{{HERE}}}[$__rate_interval]))"
                    f" / sum(rate(scout_api_sync_attempts_count{{{HERE}}}[$__rate_interval]))",
                    "rounds a write",
                ),
            ),
            decimals=2,
        ),
        Panel(
            "DHT packets spent for callers",
            "What budgets are counted in: queries that the DHT nodes send for requests. A read costs some tens on the"
            " public DHT, a write about a hundred.",
            (Query(f"sum(rate(scout_api_dht_packets_total{{{HERE}}}[$__rate_interval]))", "packets"),),
            Unit.PACKETS_PER_SECOND,
            width=12,
        ),
        Panel(
            "Requests refused for a spent budget",
            "By whose budget it was: of the tenant, or of one API key. The access log has the names.",
            (
                Query(
                    f"sum by (budget) (rate(scout_api_budget_refusals_total{{{HERE}}}[$__rate_interval]))",
                    "{{budget}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
            width=12,
        ),
        Panel(
            "Watchers",
            "Event streams that are open, and at how many a process refuses a further one.",
            (
                Query(f"sum(scout_api_watchers{{{HERE}}})", "open"),
                Query(f"sum(scout_api_watchers_limit{{{HERE}}})", "limit"),
            ),
        ),
        Panel(
            "Looks at what is watched",
            "Shared: somebody in the cluster had looked lately, and the DHT was not asked. The others are lookups, one"
            " for all who watch the item: every 5 to 60 seconds each.",
            (
                Query(
                    f"sum by (outcome) (rate(scout_api_watch_looks_total{{{HERE}}}[$__rate_interval]))", "{{outcome}}"
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Events told to watchers",
            "Changes of records, messages, messages that can't be read, and changes of signed items.",
            (Query(f"sum by (event) (rate(scout_api_watch_events_total{{{HERE}}}[$__rate_interval]))", "{{event}}"),),
            Unit.PER_SECOND,
            stacked=True,
        ),
    ),
)

ERRORS = Row(
    "Errors",
    (
        Panel(
            "Share of server errors",
            "Answers that are our fault, of all answers. An alert fires above 5 % for ten minutes.",
            (Query(f"namespace:scout_api_server_errors:ratio_rate5m{{{HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            steps=above(0.01, 0.05),
        ),
        Panel(
            "Errors by code",
            "Every answer that is no success, by its stable code (docs/api.md). `internal` should not be here at all.",
            (
                Query(
                    f'sum by (code) (rate(scout_api_requests_total{{{HERE}, code!="ok"}}[$__rate_interval]))',
                    "{{code}}",
                ),
            ),
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Versions that could not be read, or are too old",
            "Passed over: some node shows a version of a record that does not open or parse; anybody may put rubbish"
            " under a target of his own link. Rollback suspected: a newer version has been seen before.",
            (
                Query(f"sum(rate(scout_api_versions_passed_over_total{{{HERE}}}[$__rate_interval]))", "passed over"),
                Query(
                    f"sum(rate(scout_api_rollbacks_suspected_total{{{HERE}}}[$__rate_interval]))", "rollback suspected"
                ),
                Query(
                    f"sum by (what) (rate(scout_crypto_unopened_values_total{{{HERE}}}[$__rate_interval]))",
                    "{{what}} not opened",
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Callers that are not let in",
            "By what is wrong with their API key, or its scope; dropped: hung up on, because too many waited for their"
            " refusal.",
            (
                Query(f"sum by (reason) (rate(scout_api_rejections_total{{{HERE}}}[$__rate_interval]))", "{{reason}}"),
                Query(f"sum(rate(scout_api_rejections_dropped_total{{{HERE}}}[$__rate_interval]))", "dropped"),
            ),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Failures of the crypto service",
            "By code. `bad_handle` in numbers means a master key that handles were made with is missing; `internal`"
            " is a defect.",
            (
                Query(
                    f"sum by (code) (rate(scout_crypto_operation_failures_total{{{HERE}}}[$__rate_interval]))",
                    "{{code}}",
                ),
            ),
            Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Failures of the DHT nodes' operations",
            "By code. `dht_unavailable`: nobody to ask; `deadline_exceeded`: too slow; `keep_full`: too much is kept"
            " alive.",
            (
                Query(
                    f"sum by (code) (rate(scout_dht_operation_failures_total{{{HERE}}}[$__rate_interval]))", "{{code}}"
                ),
            ),
            Unit.PER_SECOND,
            stacked=True,
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            "Time of a sync",
            "Of those that succeeded. Nearly all of it is waiting for nodes of the DHT.",
            (
                Query(f"namespace:scout_api_sync_seconds:p50_rate5m{{{HERE}}}", "half"),
                Query(f"namespace:scout_api_sync_seconds:p95_rate5m{{{HERE}}}", "95 %"),
                Query(f"namespace:scout_api_sync_seconds:p99_rate5m{{{HERE}}}", "99 %"),
            ),
            Unit.SECONDS,
            steps=above(2, 3),
        ),
        Panel(
            "How long syncs take",
            "Each column is a span of time, each cell how many syncs fell into that class of durations.",
            (
                Query(
                    f'sum by (le) (increase(scout_api_sync_seconds_bucket{{{HERE}, outcome="ok"}}[$__rate_interval]))',
                    "{{le}}",
                ),
            ),
            kind=Kind.HEATMAP,
        ),
        Panel(
            "Time by route, 95 %",
            "19 of 20 requests of each route were answered within this time.",
            (Query(f"namespace_route:scout_api_request_seconds:p95_rate5m{{{HERE}}}", "{{route}}"),),
            Unit.SECONDS,
        ),
        Panel(
            "Time on the bus by operation, 95 %",
            "From the API's request to the answer of another service. Crypto takes milliseconds; the DHT's are"
            " lookups.",
            (Query(f"namespace_operation:scout_bus_request_seconds:p95_rate5m{{{HERE}}}", "{{operation}}"),),
            Unit.SECONDS,
        ),
        Panel(
            "Time of crypto operations, 95 %",
            "At the service itself, without the bus. It grows with the load of the machine.",
            (Query(f"namespace_operation:scout_crypto_operation_seconds:p95_rate5m{{{HERE}}}", "{{operation}}"),),
            Unit.SECONDS,
        ),
        Panel(
            "Time of calls at the DHT nodes, 95 %",
            "Without the bus; whole operations, of which a put counts for its lookup too.",
            (
                Query(
                    "histogram_quantile(0.95, sum by (operation, le) "
                    f"(rate(scout_dht_operation_seconds_bucket{{{HERE}}}[$__rate_interval])))",
                    "{{operation}}",
                ),
            ),
            Unit.SECONDS,
        ),
    ),
)
