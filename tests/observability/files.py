"""What lies in observability/, read for the tests: rules, rule tests, run-books, dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
RULES = sorted((OBSERVABILITY / "rules").glob("*.yaml"))
RULE_TESTS = sorted((OBSERVABILITY / "tests").glob("*.yaml"))
DASHBOARDS = sorted((OBSERVABILITY / "dashboards").glob("*.json"))
RUNBOOKS = OBSERVABILITY / "runbooks"
PROMETHEUS = OBSERVABILITY / "prometheus" / "prometheus.yml"

Json = dict[str, Any]


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel, and where it stands."""

    dashboard: str
    panel: str
    expr: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.expr}"


def load(path: Path) -> Any:
    """The YAML document in a file."""
    return yaml.safe_load(path.read_text())


def rules() -> Iterator[Json]:
    """Every rule of every group."""
    for path in RULES:
        for group in load(path)["groups"]:
            yield from group["rules"]


def alerts() -> list[Json]:
    """The rules that are alerts; several may share a name, with different labels."""
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> list[Json]:
    """The rules that record a series."""
    return [rule for rule in rules() if "record" in rule]


def dashboards() -> dict[str, Json]:
    """File name -> document."""
    return {path.name: json.loads(path.read_text()) for path in DASHBOARDS}


def panels(dashboard: Json) -> list[Json]:
    """The panels that ask something: all but the headings of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_queries() -> list[PanelQuery]:
    """Every query of every panel."""
    return [
        PanelQuery(name, panel["title"], target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def substituted(expr: str, rate_interval: str) -> str:
    """The query as Grafana sends it with everything chosen: its variables replaced."""
    for variable, value in (
        ("$__rate_interval", rate_interval),
        ("$__range", "5m"),
        ("$namespace", ".*"),
        ("$instance", ".*"),
        ("$group", ".*"),
    ):
        expr = expr.replace(variable, value)
    assert "$" not in expr, f"a variable that no dashboard has: {expr}"
    return expr
