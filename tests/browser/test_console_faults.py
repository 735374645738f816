"""The console when something is wrong: an API that goes away, a node that dies, a key that is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import SCREENSHOTS, Visit
from tests.browser.contrast import faint_text
from tests.browser.fleet import HEALTHY_WITHIN, card_of, eventually, figure, healthy
from tests.support.cluster_thread import ClusterThread, cluster_in_a_thread

DEAD_WITHIN = 15.0
"""Seconds until a killed node must be shown as dead."""
BACK_WITHIN = 20.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterThread]:
    with cluster_in_a_thread(tmp_path, copies=1, swarm=4, networks=("127.85", "127.86")) as running:
        yield running


def test_it_survives_a_restart_of_the_api(cluster: ClusterThread, visit: Visit) -> None:
    page, watch = visit(f"{cluster.url}/console")
    watch.forgiven = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    eventually(lambda: healthy(page), "the fleet is healthy", HEALTHY_WITHIN)
    page.evaluate("window.same = true")
    [api] = cluster.cluster.of("api")
    assert cluster.run(api.stop()) == 0
    connection = page.locator("#connection")
    eventually(lambda: connection.inner_text().startswith("reconnecting"), "it says that it reconnects", BACK_WITHIN)
    assert page.locator("article.card").count() == 1, "what was known stays on the page"
    cluster.run(api.start())
    eventually(lambda: connection.inner_text() == "live", "it goes on by itself", BACK_WITHIN)
    eventually(lambda: healthy(page), "the fleet is healthy again", HEALTHY_WITHIN)
    assert page.evaluate("window.same")


def test_a_killed_node_is_shown_as_dead_and_then_as_replaced(cluster: ClusterThread, visit: Visit) -> None:
    page, _watch = visit(f"{cluster.url}/console", viewport={"width": 1280, "height": 800})
    eventually(lambda: healthy(page), "the fleet is healthy", HEALTHY_WITHIN)
    [node] = cluster.cluster.of("dht_node")
    card = card_of(node)
    node.kill()
    taken = eventually(lambda: "dead" in figure(page, card, "state"), "the node is dead", DEAD_WITHIN)
    assert taken < DEAD_WITHIN
    eventually(lambda: "died" in page.locator(".health").inner_text(), "the answer at the top says so", 5)
    assert "No dht_node process is running." in page.locator(".health").inner_text()
    assert "Silent for" in page.locator(card).inner_text()
    assert faint_text(page) == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "console-dead-node.png", full_page=True)
    cluster.run(node.start())
    eventually(lambda: healthy(page), "another has taken its place", 40)
    assert "replaced" in figure(page, card, "state")
