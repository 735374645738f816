"""The first page: are the promises kept, who asks for what, what fails, what is slow, what is full, who is there."""

from __future__ import annotations

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

_HERE = 'namespace=~"$namespace"'

PROMISES = Row(
    "Promises",
    (
        Panel(
            "Syncs that succeed, 30 days",
            "Share of all syncs that did what they were asked for. The promise is 99.5 %; what callers do wrong does"
            " not count.",
            (Query(f"1 - namespace:scout_sync_failures:ratio_rate30d{{{_HERE}}}", "{{namespace}}"),),
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
            (Query(f"namespace:scout_sync_failure_budget:left30d{{{_HERE}}}", "{{namespace}}"),),
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
            (Query(f"1 - namespace:scout_sync_slow:ratio_rate30d{{{_HERE}}}", "{{namespace}}"),),
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
            (Query(f"namespace:scout_sync_slow_budget:left30d{{{_HERE}}}", "{{namespace}}"),),
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
                    f"{_HERE}}}) or vector(0)",
                    "critical",
                ),
                Query(
                    'count(ALERTS{alertname=~"Scout.+", alertstate="firing", severity="warning", '
                    f"{_HERE}}}) or vector(0)",
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
            (Query(f"namespace_job:scout_up:ratio{{{_HERE}}}", "{{job}}"),),
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
                Query(f"namespace:scout_sync_failures:ratio_rate5m{{{_HERE}}} / 0.005", "5 minutes"),
                Query(f"namespace:scout_sync_failures:ratio_rate1h{{{_HERE}}} / 0.005", "1 hour"),
                Query(f"namespace:scout_sync_failures:ratio_rate6h{{{_HERE}}} / 0.005", "6 hours"),
                Query(f"namespace:scout_sync_failures:ratio_rate3d{{{_HERE}}} / 0.005", "3 days"),
            ),
            width=12,
            steps=above(6, 14.4),
        ),
        Panel(
            "How fast the slowness budget burns",
            "The same for syncs that succeed, but take longer than three seconds.",
            (
                Query(f"namespace:scout_sync_slow:ratio_rate5m{{{_HERE}}} / 0.05", "5 minutes"),
                Query(f"namespace:scout_sync_slow:ratio_rate1h{{{_HERE}}} / 0.05", "1 hour"),
                Query(f"namespace:scout_sync_slow:ratio_rate6h{{{_HERE}}} / 0.05", "6 hours"),
                Query(f"namespace:scout_sync_slow:ratio_rate3d{{{_HERE}}} / 0.05", "3 days"),
            ),
            width=12,
            steps=above(6, 14.4),
        ),
    ),
)

TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests by route",
            "What is asked for. Routes are templates; paths that are no route stand under `unmatched`.",
            (
                Query(
                    f"sum by (route) (rate(scout_api_request_seconds_count{{{_HERE}}}[$__rate_interval]))", "{{route}}"
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
                    f"sum by (outcome) (rate(scout_api_sync_seconds_count{{{_HERE}}}[$__rate_interval]))", "{{outcome}}"
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
                    f"sum(rate(scout_api_sync_callers_sum{{{_HERE}}}[$__rate_interval]))"
                    f" / sum(rate(scout_api_sync_callers_count{{{_HERE}}}[$__rate_interval]))",
                    "callers a write",
                ),
                Query(
                    f"sum(rate(scout_api_sync_attempts_sum{{{_HERE}}}[$__rate_interval]))"
                    f" / sum(rate(scout_api_sync_attempts_count{{{_HERE}}}[$__rate_interval]))",
                    "rounds a write",
                ),
            ),
            decimals=2,
        ),
    ),
)

ERRORS = Row(
    "Errors",
    (
        Panel(
            "Share of server errors",
            "Answers that are our fault, of all answers. An alert fires above 5 % for ten minutes.",
            (Query(f"namespace:scout_api_server_errors:ratio_rate5m{{{_HERE}}}", "{{namespace}}"),),
            Unit.SHARE,
            steps=above(0.01, 0.05),
        ),
        Panel(
            "Errors by code",
            "Every answer that is no success, by its stable code (docs/api.md). `internal` should not be here at all.",
            (
                Query(
                    f'sum by (code) (rate(scout_api_requests_total{{{_HERE}, code!="ok"}}[$__rate_interval]))',
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
                Query(f"sum(rate(scout_api_versions_passed_over_total{{{_HERE}}}[$__rate_interval]))", "passed over"),
                Query(
                    f"sum(rate(scout_api_rollbacks_suspected_total{{{_HERE}}}[$__rate_interval]))", "rollback suspected"
                ),
                Query(
                    f"sum by (what) (rate(scout_crypto_unopened_values_total{{{_HERE}}}[$__rate_interval]))",
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
                Query(f"sum by (reason) (rate(scout_api_rejections_total{{{_HERE}}}[$__rate_interval]))", "{{reason}}"),
                Query(f"sum(rate(scout_api_rejections_dropped_total{{{_HERE}}}[$__rate_interval]))", "dropped"),
            ),
            Unit.REQUESTS_PER_SECOND,
        ),
        Panel(
            "Failures of the crypto service",
            "By code. `bad_handle` in numbers means a master key that handles were made with is missing; `internal`"
            " is a defect.",
            (
                Query(
                    f"sum by (code) (rate(scout_crypto_operation_failures_total{{{_HERE}}}[$__rate_interval]))",
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
                    f"sum by (code) (rate(scout_dht_operation_failures_total{{{_HERE}}}[$__rate_interval]))", "{{code}}"
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
                Query(f"namespace:scout_api_sync_seconds:p50_rate5m{{{_HERE}}}", "half"),
                Query(f"namespace:scout_api_sync_seconds:p95_rate5m{{{_HERE}}}", "95 %"),
                Query(f"namespace:scout_api_sync_seconds:p99_rate5m{{{_HERE}}}", "99 %"),
            ),
            Unit.SECONDS,
            steps=above(2, 3),
        ),
        Panel(
            "How long syncs take",
            "Each column is a span of time, each cell how many syncs fell into that class of durations.",
            (
                Query(
                    f'sum by (le) (increase(scout_api_sync_seconds_bucket{{{_HERE}, outcome="ok"}}[$__rate_interval]))',
                    "{{le}}",
                ),
            ),
            kind=Kind.HEATMAP,
        ),
        Panel(
            "Time by route, 95 %",
            "19 of 20 requests of each route were answered within this time.",
            (Query(f"namespace_route:scout_api_request_seconds:p95_rate5m{{{_HERE}}}", "{{route}}"),),
            Unit.SECONDS,
        ),
        Panel(
            "Time on the bus by operation, 95 %",
            "From the API's request to the answer of another service. Crypto takes milliseconds; the DHT's are"
            " lookups.",
            (Query(f"namespace_operation:scout_bus_request_seconds:p95_rate5m{{{_HERE}}}", "{{operation}}"),),
            Unit.SECONDS,
            width=12,
        ),
        Panel(
            "Time of crypto operations, 95 %",
            "At the service itself, without the bus. It grows with the load of the machine.",
            (Query(f"namespace_operation:scout_crypto_operation_seconds:p95_rate5m{{{_HERE}}}", "{{operation}}"),),
            Unit.SECONDS,
            width=12,
        ),
    ),
)

SATURATION = Row(
    "Saturation",
    (
        Panel(
            "Requests in hand, share of the limit",
            "At 100 % a replica answers 503. Rising with steady traffic it means that what it asks has become slow.",
            (
                Query(
                    f"scout_api_requests_in_flight{{{_HERE}}} / scout_api_requests_in_flight_limit{{{_HERE}}}",
                    "{{instance}}",
                ),
            ),
            Unit.SHARE,
            steps=above(0.5, 0.8),
        ),
        Panel(
            "Requests waiting on the bus",
            "Taken by nobody yet. More than some tens for more than a moment: too few replicas, or one that is stuck.",
            (Query(f"namespace_group:scout_bus_lag_messages:max{{{_HERE}}}", "{{group}}"),),
            steps=above(100, 500),
        ),
        Panel(
            "Lateness of the event loops, 99 %",
            "How late a process wakes up. From a tenth of a second on its callers notice.",
            (
                Query(
                    f"namespace_job_instance:scout_event_loop_lag_seconds:p99_rate5m{{{_HERE}}}", "{{job}} {{instance}}"
                ),
            ),
            Unit.SECONDS,
            steps=above(0.1, 0.25),
        ),
        Panel(
            "Processor time",
            "Cores that each process uses. One process uses one core at the most.",
            (
                Query(
                    f'rate(process_cpu_seconds_total{{job=~"scout-.+", {_HERE}}}[$__rate_interval])',
                    "{{job}} {{instance}}",
                ),
            ),
            decimals=2,
        ),
        Panel(
            "Memory",
            "Resident memory of each process. A DHT node's grows with what it stores, the others' hardly.",
            (Query(f'process_resident_memory_bytes{{job=~"scout-.+", {_HERE}}}', "{{job}} {{instance}}"),),
            Unit.BYTES,
        ),
        Panel(
            "Open files, share of the limit",
            "Connections are files: callers of the API, and Redis.",
            (
                Query(
                    f'process_open_fds{{job=~"scout-.+", {_HERE}}} / process_max_fds{{job=~"scout-.+", {_HERE}}}',
                    "{{job}} {{instance}}",
                ),
            ),
            Unit.SHARE,
            steps=above(0.5, 0.8),
        ),
    ),
)

FLEET = Row(
    "Fleet",
    (
        Panel(
            "Ready",
            "1 while a process passes the check. `canary` and `dht` are of DHT nodes: their own item comes back;"
            " there is a network around them.",
            (Query(f"min by (job, check) (scout_process_ready{{{_HERE}}})", "{{job}}: {{check}}"),),
            maximum=1,
        ),
        Panel(
            "Good contacts",
            "Nodes that each DHT node knows and that answered of late, both families together. Some hundreds on the"
            " public DHT.",
            (Query(f'sum by (instance) (scout_dht_contacts{{{_HERE}, state="good"}})', "{{instance}}"),),
        ),
        Panel(
            "Kept alive, and overdue",
            "Items that the cluster puts again by itself. Overdue ones should have been put again two minutes ago.",
            (
                Query(f"max(scout_dht_kept_items{{{_HERE}}})", "kept"),
                Query(f"max(scout_dht_kept_overdue_items{{{_HERE}}})", "overdue"),
            ),
        ),
        Panel(
            "What runs",
            "Every process with its version. Two versions for long: an upgrade has got stuck.",
            (Query(f"sum by (job, instance, component, version) (scout_build_info{{{_HERE}}})"),),
            kind=Kind.TABLE,
            width=12,
        ),
        Panel(
            "Since their start",
            "Age of each process. A line that falls to zero is a restart.",
            (
                Query(
                    f'time() - process_start_time_seconds{{job=~"scout-.+", {_HERE}}}',
                    "{{job}} {{instance}}",
                ),
            ),
            Unit.SECONDS,
            width=12,
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
