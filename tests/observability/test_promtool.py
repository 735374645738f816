"""Prometheus's own tool on our files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from tests.observability.files import (
    OBSERVABILITY,
    PROMETHEUS,
    ROOT,
    RULE_TESTS,
    RULES,
    load,
    panel_queries,
    substituted,
)

WITHIN = 120.0
MOUNTED = "/etc/prometheus/rules/"
"""Where compose mounts the rules."""


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=WITHIN, check=False)


def test_the_configuration_is_one(tmp_path: Path) -> None:
    """As it is in compose, with the rules where they lie here."""
    here = PROMETHEUS.read_text().replace(MOUNTED, f"{OBSERVABILITY}/rules/")
    config = tmp_path / "prometheus.yml"
    config.write_text(here)
    done = promtool("check", "config", config)
    assert done.returncode == 0, done.stderr
    found = len(re.findall(r"SUCCESS: \d+ rules found", done.stdout))
    assert found == len(RULES), done.stdout


def test_it_looks_for_the_services_of_compose_where_they_are() -> None:
    services = load(ROOT / "compose.yaml")["services"]
    for job in load(PROMETHEUS)["scrape_configs"]:
        (names,) = job["dns_sd_configs"]
        (service,) = names["names"]
        assert services[service]["image"] == job["job_name"]
        assert str(names["port"]) in services[service]["healthcheck"]["test"]


def test_what_compose_mounts_is_here() -> None:
    services = load(ROOT / "compose.yaml")["services"]
    mounts = [mount for name in ("prometheus", "grafana") for mount in services[name]["volumes"]]
    ours = {mount.split(":")[0]: mount.split(":")[1] for mount in mounts if mount.startswith("./observability/")}
    assert all((ROOT / here).exists() for here in ours)
    assert ours["./observability/rules"] == MOUNTED.rstrip("/")
    (provider,) = load(OBSERVABILITY / "grafana" / "provisioning" / "dashboards" / "scout.yaml")["providers"]
    assert ours["./observability/dashboards"] == provider["options"]["path"]


def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rule_tests_pass() -> None:
    done = promtool("test", "rules", *RULE_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_query_of_every_panel_is_promql(tmp_path: Path) -> None:
    """promtool reads expressions in rules only, so each query becomes one."""
    queries = panel_queries()
    rules = [
        {"record": f"panel:{number}", "expr": substituted(query.expr, "1m")} for number, query in enumerate(queries)
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(queries)} rules found" in done.stdout
