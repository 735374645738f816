"""Rows of the overview about processes: what is full, who is there."""

from __future__ import annotations

from observability.panels.model import Kind, Panel, Query, Row, Unit, above
from observability.panels.promql import HERE

SATURATION = Row(
    "Saturation",
    (
        Panel(
            "Requests in hand, share of the limit",
            "At 100 % a replica answers 503. Rising with steady traffic it means that what it asks has become slow.",
            (
                Query(
                    f"scout_api_requests_in_flight{{{HERE}}} / scout_api_requests_in_flight_limit{{{HERE}}}",
                    "{{instance}}",
                ),
            ),
            Unit.SHARE,
            steps=above(0.5, 0.8),
        ),
        Panel(
            "Requests waiting on the bus",
            "Taken by nobody yet. More than some tens for more than a moment: too few replicas, or one that is stuck.",
            (Query(f"namespace_group:scout_bus_lag_messages:max{{{HERE}}}", "{{group}}"),),
            steps=above(100, 500),
        ),
        Panel(
            "Lateness of the event loops, 99 %",
            "How late a process wakes up. From a tenth of a second on its callers notice.",
            (
                Query(
                    f"namespace_job_instance:scout_event_loop_lag_seconds:p99_rate5m{{{HERE}}}", "{{job}} {{instance}}"
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
                    f'rate(process_cpu_seconds_total{{job=~"scout-.+", {HERE}}}[$__rate_interval])',
                    "{{job}} {{instance}}",
                ),
            ),
            decimals=2,
        ),
        Panel(
            "Memory",
            "Resident memory of each process. A DHT node's grows with what it stores, the others' hardly.",
            (Query(f'process_resident_memory_bytes{{job=~"scout-.+", {HERE}}}', "{{job}} {{instance}}"),),
            Unit.BYTES,
        ),
        Panel(
            "Open files, share of the limit",
            "Connections are files: callers of the API, and Redis.",
            (
                Query(
                    f'process_open_fds{{job=~"scout-.+", {HERE}}} / process_max_fds{{job=~"scout-.+", {HERE}}}',
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
            (Query(f"min by (job, check) (scout_process_ready{{{HERE}}})", "{{job}}: {{check}}"),),
            maximum=1,
        ),
        Panel(
            "Good contacts",
            "Nodes that each DHT node knows and that answered of late, both families together. Some hundreds on the"
            " public DHT.",
            (Query(f'sum by (instance) (scout_dht_contacts{{{HERE}, state="good"}})', "{{instance}}"),),
        ),
        Panel(
            "Kept alive, and overdue",
            "Items that the cluster puts again by itself. Overdue ones should have been put again two minutes ago.",
            (
                Query(f"max(scout_dht_kept_items{{{HERE}}})", "kept"),
                Query(f"max(scout_dht_kept_overdue_items{{{HERE}}})", "overdue"),
            ),
        ),
        Panel(
            "API keys in force",
            "The most that any replica knows. Refused: key files with a mistake in them, within the hour; the keys from"
            " before stay in force.",
            (
                Query(f"max(scout_api_keys{{{HERE}}})", "keys"),
                Query(
                    f"sum by (outcome) (increase(scout_api_key_file_loads_total{{{HERE}}}[1h]))", "files {{outcome}}"
                ),
            ),
        ),
        Panel(
            "Links at hand in crypto",
            "Share of the links whose keys did not have to be unwrapped again. Where it is low, requests of one link go"
            " to ever other replicas, which costs some microseconds each.",
            (
                Query(
                    f"sum(rate(scout_crypto_link_cache_hits_total{{{HERE}}}[$__rate_interval]))"
                    f" / (sum(rate(scout_crypto_link_cache_hits_total{{{HERE}}}[$__rate_interval]))"
                    f" + sum(rate(scout_crypto_link_cache_misses_total{{{HERE}}}[$__rate_interval])))",
                    "at hand",
                ),
            ),
            Unit.SHARE,
            maximum=1,
        ),
        Panel(
            "What runs",
            "Every process with its version. Two versions for long: an upgrade has got stuck.",
            (Query(f"sum by (job, instance, component, version) (scout_build_info{{{HERE}}})"),),
            kind=Kind.TABLE,
            width=8,
        ),
        Panel(
            "Since their start",
            "Age of each process. A line that falls to zero is a restart.",
            (
                Query(
                    f'time() - process_start_time_seconds{{job=~"scout-.+", {HERE}}}',
                    "{{job}} {{instance}}",
                ),
            ),
            Unit.SECONDS,
            width=8,
        ),
    ),
)
