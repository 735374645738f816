"""From our values to Grafana's JSON: dashboard schema 39, which Grafana 10.4 and later read and migrate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from observability.panels.model import Choice, Color, Dashboard, Kind, Panel, Row, Step
from observability.panels.promql import HERE

Json = dict[str, Any]

SCHEMA_VERSION = 39
PAGE_WIDTH = 24
TAG = "scout"
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
"""Every query goes to the data source that is chosen at the top of the page."""


def render(dashboard: Dashboard) -> Json:
    """The document that Grafana provisions or imports."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "links": [_links()],
        "annotations": {"list": [_alerts_as_annotations()]},
        "templating": {"list": [_datasource_variable(), *map(_variable, dashboard.choices)]},
        "panels": list(_panels(dashboard.rows)),
    }


def _links() -> Json:
    """To the other dashboards, with the same time range and choices."""
    return {
        "type": "dashboards",
        "title": "Scout",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


def _alerts_as_annotations() -> Json:
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": f'ALERTS{{alertname=~"Scout.+", alertstate="firing", severity=~"warning|critical", {HERE}}}',
        "titleFormat": "{{alertname}}",
        "tagKeys": "severity,job",
        "step": "60s",
    }


def _datasource_variable() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }


def _variable(choice: Choice) -> Json:
    query = f"label_values({choice.metric}, {choice.label})"
    return {
        "name": choice.name,
        "label": choice.name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: tuple[Row, ...]) -> Iterator[Json]:
    """Rows from top to bottom, ids from 1 in the order of reading."""
    number, top = 1, 0
    for row in rows:
        yield _row(row, number, top)
        number, top = number + 1, top + 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > PAGE_WIDTH:
                left, top, height = 0, top + height, 0
            yield _panel(panel, number, {"x": left, "y": top, "w": panel.width, "h": panel.height})
            number, left, height = number + 1, left + panel.width, max(height, panel.height)
        top += height


def _row(row: Row, number: int, top: int) -> Json:
    place = {"x": 0, "y": top, "w": PAGE_WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> Json:
    return {
        "id": number,
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": list(_targets(panel)),
        "fieldConfig": {"defaults": _field_defaults(panel), "overrides": []},
        "options": _options(panel.kind),
        **({"transformations": _table_columns()} if panel.kind is Kind.TABLE else {}),
    }


def _targets(panel: Panel) -> Iterator[Json]:
    at_once = panel.kind in {Kind.STAT, Kind.TABLE}
    for position, query in enumerate(panel.queries):
        yield {
            "refId": chr(ord("A") + position),
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "format": _FORMATS.get(panel.kind, "time_series"),
            "instant": at_once,
            "range": not at_once,
        }


_FORMATS = {Kind.TABLE: "table", Kind.HEATMAP: "heatmap"}


def _field_defaults(panel: Panel) -> Json:
    defaults: Json = {
        "unit": panel.unit.value,
        "color": {"mode": "palette-classic" if panel.kind is Kind.SERIES else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": [_step(step) for step in panel.steps or (Step(Color.PLAIN),)]},
        "custom": _series_style(panel) if panel.kind is Kind.SERIES else {},
    }
    bounds = {"min": panel.minimum, "max": panel.maximum, "decimals": panel.decimals}
    return defaults | {name: value for name, value in bounds.items() if value is not None}


def _step(step: Step) -> Json:
    return {"color": step.color.value, "value": step.value}


def _series_style(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
    }


def _options(kind: Kind) -> Json:
    match kind:
        case Kind.SERIES:
            return {
                "legend": {
                    "displayMode": "table",
                    "placement": "bottom",
                    "calcs": ["mean", "lastNotNull", "max"],
                    "sortBy": "Max",
                    "sortDesc": True,
                },
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case Kind.STAT:
            return {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "none",
                "textMode": "auto",
                "orientation": "auto",
            }
        case Kind.TABLE:
            return {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
        case Kind.HEATMAP:
            return {
                "calculate": False,
                "yAxis": {"unit": "s"},
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange"},
                "cellGap": 1,
                "tooltip": {"mode": "single", "yHistogram": True},
                "legend": {"show": True},
            }


def _table_columns() -> list[Json]:
    """One line a target: its queries side by side, without the columns that repeat themselves."""
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True, "__name__": True}, "renameByName": {}}},
    ]
