"""What is measured of those who are not let in, and of the key file. The labels are closed sets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.api.keys import Rejection


class Loading(StrEnum):
    """What became of a key file that was read."""

    LOADED = "loaded"
    REFUSED = "refused"
    """Something is wrong with it: the keys read before stay in force."""


class BudgetOf(StrEnum):
    """Whose budget was spent."""

    TENANT = "tenant"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class GuardMeters:
    """The figures."""

    rejections: Counter
    """Label `reason`: `keys.Rejection`."""
    dropped: Counter
    """Connections of callers not let in that were closed without an answer, because too many waited for one."""
    keys: Gauge
    key_file_current: Gauge
    """1 while the keys in force are those of the file as it is."""
    key_file_loads: Counter
    """Label `outcome`: `Loading`."""
    packets: Counter
    """DHT packets that requests have cost."""
    budget_refusals: Counter
    """Label `budget`: `BudgetOf`."""

    def loaded(self, keys: int) -> None:
        """A key file was taken up."""
        self.key_file_loads.labels(Loading.LOADED).inc()
        self.key_file_current.set(1)
        self.keys.set(keys)

    def refused(self) -> None:
        """A key file was not as expected."""
        self.key_file_loads.labels(Loading.REFUSED).inc()
        self.key_file_current.set(0)


def build(registry: CollectorRegistry) -> GuardMeters:
    """All of them, registered with `registry`; zeros are visible from the start."""
    made = GuardMeters(
        rejections=Counter(
            "scout_api_rejections",
            "Requests refused for their API key, or for the lack of one.",
            ["reason"],
            registry=registry,
        ),
        dropped=Counter(
            "scout_api_rejections_dropped", "Connections closed since too many refusals waited.", registry=registry
        ),
        keys=Gauge("scout_api_keys", "API keys in force.", registry=registry),
        key_file_current=Gauge(
            "scout_api_key_file_current", "1 while the keys in force are those of the file.", registry=registry
        ),
        key_file_loads=Counter(
            "scout_api_key_file_loads", "Key files read, by what became of them.", ["outcome"], registry=registry
        ),
        packets=Counter("scout_api_dht_packets", "DHT packets that requests have cost.", registry=registry),
        budget_refusals=Counter(
            "scout_api_budget_refusals", "Requests refused since a budget was spent.", ["budget"], registry=registry
        ),
    )
    for reason in Rejection:
        made.rejections.labels(reason)
    for outcome in Loading:
        made.key_file_loads.labels(outcome)
    for budget in BudgetOf:
        made.budget_refusals.labels(budget)
    made.key_file_current.set(1)
    return made
