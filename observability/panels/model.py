"""Dashboards as values: rows of panels, each with its queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Grafana's panel types that are used here."""

    SERIES = "timeseries"
    STAT = "stat"
    TABLE = "table"
    HEATMAP = "heatmap"


class Unit(StrEnum):
    """Grafana's unit ids (grafana/data, valueFormats/categories) that are used here."""

    NUMBER = "short"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    PER_SECOND = "ops"
    REQUESTS_PER_SECOND = "reqps"
    PACKETS_PER_SECOND = "pps"


class Color(StrEnum):
    """Of thresholds: Grafana's own names, which both of its themes render readably."""

    PLAIN = "blue"
    """Of figures that are neither good nor bad."""
    GOOD = "green"
    WARN = "orange"
    BAD = "red"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and how its series are called in the legend (`{{label}}` stands for a label's value)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """From `value` on, figures are shown in `color`; the first step of a panel has no value."""

    color: Color
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One question. `width` is in Grafana's columns (24 make a page), `height` in its rows (30 px)."""

    title: str
    description: str
    """How to read it: what is normal, and what follows from what is not."""
    queries: tuple[Query, ...]
    unit: Unit = Unit.NUMBER
    kind: Kind = Kind.SERIES
    width: int = 8
    height: int = 8
    steps: tuple[Step, ...] = ()
    stacked: bool = False
    minimum: float | None = 0
    maximum: float | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A heading with its panels, laid out from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable of the dashboard: values of `label` in the series of `metric`, all of them chosen at first."""

    name: str
    label: str
    metric: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page; `uid` stands in links and bookmarks, and never changes."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = field(default=())


def above(warn: float, bad: float) -> tuple[Step, ...]:
    """Thresholds of a figure that is good while it is low."""
    return (Step(Color.GOOD), Step(Color.WARN, warn), Step(Color.BAD, bad))


def below(warn: float, bad: float) -> tuple[Step, ...]:
    """Thresholds of a figure that is good while it is high: under `bad` it is red, under `warn` orange."""
    return (Step(Color.BAD), Step(Color.WARN, bad), Step(Color.GOOD, warn))


def at_least(value: float) -> tuple[Step, ...]:
    """Thresholds of a figure that is good from `value` on, and bad under it."""
    return (Step(Color.BAD), Step(Color.GOOD, value))
