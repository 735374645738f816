"""What the API measures of those who watch."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.usecases.sighting import Look

EVENTS = ("record", "message", "gap", "versions")


@dataclass(frozen=True, slots=True)
class WatchMeters:
    """The figures of event streams."""

    watchers: Gauge
    watchers_limit: Gauge
    """At how many a further one is refused."""
    looks: Counter
    """Label `outcome` (shared.usecases.sighting.Look)."""
    events: Counter
    """Label `event` (EVENTS)."""


def build(registry: CollectorRegistry) -> WatchMeters:
    """All of them, registered with `registry`, zeros visible."""
    made = WatchMeters(
        watchers=Gauge("scout_api_watchers", "Event streams that are open.", registry=registry),
        watchers_limit=Gauge("scout_api_watchers_limit", "Event streams open at the most.", registry=registry),
        looks=Counter("scout_api_watch_looks", "Looks at what is watched.", ["outcome"], registry=registry),
        events=Counter("scout_api_watch_events", "Events sent.", ["event"], registry=registry),
    )
    for outcome in Look:
        made.looks.labels(outcome)
    for event in EVENTS:
        made.events.labels(event)
    return made
