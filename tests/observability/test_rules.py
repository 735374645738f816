"""Every alert has what whoever is woken by it needs, and tests that it fires and that it does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.observability.files import (
    RULE_TESTS,
    RULES,
    RUNBOOKS,
    Json,
    alerts,
    dashboards,
    load,
    panels,
    recorded,
)

SEVERITIES = {"critical", "warning", "none"}
SECTIONS = ["Meaning", "How to see it", "Likely causes", "What to do", "When to escalate"]
RECORDED = re.compile(r"(namespace|namespace_[a-z_]+):scout_[a-z0-9_]+:[a-z0-9_]+")

named = pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{_distinction(rule)}")


def _distinction(rule: Json) -> str:
    return "-".join(str(value) for value in rule["labels"].values())


def _expected() -> list[tuple[str, dict[str, str], bool]]:
    """Of every case in the rule tests: alert, labels (none when nothing should fire), and whether something should."""
    cases: list[tuple[str, dict[str, str], bool]] = []
    for path in RULE_TESTS:
        for test in load(path)["tests"]:
            for case in test.get("alert_rule_test", ()):
                expected: list[dict[str, Any]] = case.get("exp_alerts") or []
                cases += [(case["alertname"], alert["exp_labels"], True) for alert in expected]
                cases += [] if expected else [(case["alertname"], {}, False)]
    return cases


EXPECTED = _expected()


@named
def test_an_alert_says_what_it_is_about(rule: Json) -> None:
    assert re.fullmatch(r"Scout[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["summary"]) <= 100
    assert rule["annotations"]["description"].endswith(".")
    assert rule["labels"]["severity"] == "none" or "for" in rule


@named
def test_an_alert_has_a_run_book(rule: Json) -> None:
    assert rule["annotations"]["runbook"] == f"observability/runbooks/{rule['alert']}.md"
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    for severity in {other["labels"]["severity"] for other in alerts() if other["alert"] == rule["alert"]}:
        assert f"`{severity}`" in page, "the run-book says how urgent it is"


@named
def test_an_alert_is_tested_firing_with_its_exact_annotations(rule: Json) -> None:
    """promtool compares annotations exactly; here it is that there is such a case at all, for these very labels."""
    assert any(
        name == rule["alert"] and fires and rule["labels"].items() <= labels.items() for name, labels, fires in EXPECTED
    )


@named
def test_an_alert_is_tested_not_firing(rule: Json) -> None:
    """But for the one that is there to fire always."""
    quiet = any(name == rule["alert"] and not fires for name, _labels, fires in EXPECTED)
    assert quiet == (rule["alert"] != "ScoutWatchdog")


def test_every_run_book_has_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {rule["alert"] for rule in alerts()}


def test_every_rule_file_has_a_test_file_of_its_name() -> None:
    assert {path.name for path in RULE_TESTS} == {path.name for path in RULES if "alert:" in path.read_text()}


def test_recorded_series_are_named_by_their_level() -> None:
    """level:metric:operations, as Prometheus's own guide says; the level is what is left to choose by."""
    names = [rule["record"] for rule in recorded()]
    assert [name for name in names if not RECORDED.fullmatch(name)] == []
    assert len(names) == len(set(names))


def test_every_recorded_series_is_used() -> None:
    used = "".join(path.read_text() for path in (*RULES, *RUNBOOKS.parent.glob("dashboards/*.json")))
    assert [rule["record"] for rule in recorded() if used.count(rule["record"]) < 2] == []


def test_run_books_name_panels_that_exist_and_link_to_pages_that_do() -> None:
    titles = {
        dashboard["title"]: [panel["title"] for panel in panels(dashboard)] for dashboard in dashboards().values()
    }
    for path in RUNBOOKS.glob("*.md"):
        text = " ".join(path.read_text().split())
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (RUNBOOKS / link).exists(), f"{path.name}: {link}"
        for quoted, dashboard in re.findall(r'((?:"[^"]+"(?:, | and | beside )?)+) on (Scout / \w+)', text):
            for title in re.findall(r'"([^"]+)"', quoted):
                assert any(panel.startswith(title) for panel in titles[dashboard]), f"{path.name}: {title}"
