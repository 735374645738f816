"""What `components/monitoring` brings is what lies in observability/, and what docs/operations.md tells of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import yaml

from observability.operator.__main__ import TARGET
from observability.operator.__main__ import rendered as rendered_rule
from tests.k8s.manifests import SERVICES, Manifests
from tests.k8s.rendering import ROOT

OBSERVABILITY = ROOT / "observability"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LARGEST_CONFIG_MAP = 2**20


def test_the_rule_is_made_of_the_rules() -> None:
    assert TARGET.read_text(encoding="utf-8") == rendered_rule(), "run `python -m observability.operator`"


def test_every_rule_is_there(rendered: Callable[[str], Manifests]) -> None:
    (rule,) = rendered("production").of("PrometheusRule")
    plain = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(OBSERVABILITY.glob("rules/*.yaml"))]
    assert plain
    assert rule["spec"]["groups"] == [group for found in plain for group in found["groups"]]


def test_every_dashboard_is_there_for_the_sidecar(rendered: Callable[[str], Manifests]) -> None:
    maps = [
        item
        for item in rendered("production").of("ConfigMap")
        if item["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    shown = {name: json.loads(text)["uid"] for item in maps for name, text in item["data"].items()}
    files = sorted(OBSERVABILITY.glob("dashboards/*.json"))
    assert files
    assert shown == {path.name: json.loads(path.read_text(encoding="utf-8"))["uid"] for path in files}
    assert all(len(json.dumps(item["data"])) < LARGEST_CONFIG_MAP for item in maps)
    # one name for each, whatever is in it: else the sidecar would show the old one and the new one
    assert {item["metadata"]["name"] for item in maps} == {f"scout-dashboard-{path.stem}" for path in files}


def test_the_rules_ask_for_jobs_that_the_monitor_makes(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("production")
    (monitor,) = manifests.of("PodMonitor")
    scraped = {workload.name for workload in manifests.selected(monitor["spec"]["selector"])}
    assert monitor["spec"]["jobLabel"] == "app.kubernetes.io/name"
    assert scraped == set(SERVICES)
    asked = {
        job
        for expression in _expressions(manifests)
        for jobs in re.findall(r'\bjob=~?"([^"]+)"', expression)
        for job in jobs.split("|")
    }
    assert {job for job in asked if not job.endswith(".+")} <= scraped


def test_the_page_tells_of_every_alert(rendered: Callable[[str], Manifests]) -> None:
    alerts: dict[str, set[str]] = {}
    (rule,) = rendered("production").of("PrometheusRule")
    for group in rule["spec"]["groups"]:
        for each in group["rules"]:
            if "alert" in each:
                alerts.setdefault(each["alert"], set()).add(each["labels"]["severity"])
    rows = re.findall(r"^\| \[(\w+)\]\(\.\./observability/runbooks/(\w+)\.md\) \| ([a-z, ]+) \|", PAGE, re.MULTILINE)
    assert {name: set(severities.split(", ")) for name, _, severities in rows} == alerts
    assert all(name == book and (OBSERVABILITY / "runbooks" / f"{book}.md").exists() for name, book, _ in rows)


def _expressions(manifests: Manifests) -> list[str]:
    (rule,) = manifests.of("PrometheusRule")
    groups: list[dict[str, Any]] = rule["spec"]["groups"]
    return [str(each["expr"]) for group in groups for each in group["rules"]]
