"""The dashboards as files: Grafana itself is not at hand, so what it expects is said here."""

from __future__ import annotations

import itertools
import re

import pytest

from observability.panels.__main__ import documents
from observability.panels.model import Kind, Unit
from observability.panels.render import DATASOURCE, PAGE_WIDTH
from tests.observability.files import DASHBOARDS, OBSERVABILITY, RULES, Json, dashboards, load, panels

UIDS = {"overview.json": "scout-overview", "dht.json": "scout-dht", "bus.json": "scout-bus"}
UNITS = {unit.value for unit in Unit}
TYPES = {kind.value for kind in Kind}
DESCRIPTION_MIN = 40

each = pytest.mark.parametrize("dashboard", dashboards().values(), ids=dashboards())


def test_the_files_are_what_their_source_makes() -> None:
    """After a change of observability/panels: `make dashboards`."""
    assert {path.name: path.read_text() for path in DASHBOARDS} == documents()


def test_uids_never_change() -> None:
    """They stand in links and bookmarks."""
    assert {name: dashboard["uid"] for name, dashboard in dashboards().items()} == UIDS


@each
def test_a_dashboard_is_itself_in_any_grafana(dashboard: Json) -> None:
    assert "id" not in dashboard, "an id belongs to one Grafana's database"
    assert dashboard["version"] == 1
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["title"].startswith("Scout / ")
    assert dashboard["description"]
    assert not dashboard["editable"]


@each
def test_a_dashboard_leads_to_the_others(dashboard: Json) -> None:
    (link,) = dashboard["links"]
    assert link["type"] == "dashboards"
    assert set(link["tags"]) <= set(dashboard["tags"])
    assert link["keepTime"]
    assert link["includeVars"]


@each
def test_its_data_source_is_chosen_on_the_page(dashboard: Json) -> None:
    first, *others = dashboard["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert all(variable["datasource"] == DATASOURCE for variable in others)
    for panel in panels(dashboard):
        assert panel["datasource"] == DATASOURCE
        assert all(target["datasource"] == DATASOURCE for target in panel["targets"])


@each
def test_a_panel_says_how_to_read_it(dashboard: Json) -> None:
    for panel in panels(dashboard):
        assert panel["title"]
        assert len(panel["description"]) >= DESCRIPTION_MIN, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["type"] in TYPES
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        values = [step["value"] for step in steps]
        assert values[0] is None
        assert values[1:] == sorted(values[1:])
        assert panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each
def test_titles_of_panels_are_all_different(dashboard: Json) -> None:
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(titles) == len(set(titles))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


@each
def test_no_panel_lies_on_another(dashboard: Json) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= PAGE_WIDTH for place in places)
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


@each
def test_every_choice_on_the_page_is_heeded_by_its_queries(dashboard: Json) -> None:
    chosen = [variable["name"] for variable in dashboard["templating"]["list"][1:]]
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert set(re.findall(r"\$([a-z]+)", target["expr"])) <= set(chosen)
            assert "$namespace" in target["expr"], (panel["title"], target["expr"])
    used = " ".join(target["expr"] for panel in panels(dashboard) for target in panel["targets"])
    assert all(f"${variable}" in used for variable in chosen)


def test_grafana_finds_the_data_source_and_the_dashboards() -> None:
    provisioning = OBSERVABILITY / "grafana" / "provisioning"
    (source,) = load(provisioning / "datasources" / "prometheus.yaml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["isDefault"]
    (provider,) = load(provisioning / "dashboards" / "scout.yaml")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")


def test_whatever_is_measured_is_shown() -> None:
    """Every metric of the catalogue that is ours stands in a panel, or in a rule that does."""
    catalogue = re.findall(r"^\| `(scout_\w+)` \|", (OBSERVABILITY / "metrics.md").read_text(), re.MULTILINE)
    shown = "".join(path.read_text() for path in (*DASHBOARDS, *RULES))
    assert catalogue
    assert [name for name in catalogue if name not in shown] == []
