"""The console around a calm cluster: its figures, its looks, and what it does with what it must not trust."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import pytest
from playwright.sync_api import Page
from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.fleet import RedisFleet
from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisClient, connect
from shared.clock import SystemClock
from shared.contracts.envelope import Envelope, encode
from shared.contracts.fleet import Report
from tests.browser.conftest import SCREENSHOTS, Visit, overflow
from tests.browser.contrast import faint_text
from tests.browser.fleet import HEALTHY_WITHIN, card_of, eventually, figure, healthy, metrics, number, put_items
from tests.support.cluster import ServiceProcess
from tests.support.cluster_thread import ClusterThread, cluster_in_a_thread
from tests.support.reports import a_report

MALICE = "<img src=x onerror=alert(1)><script>window.owned=1</script>"
SWARM = 16

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterThread]:
    with cluster_in_a_thread(
        tmp_path_factory.mktemp("cluster"), copies=2, swarm=SWARM, networks=("127.82", "127.83")
    ) as running:
        running.run(put_items(running.url))
        yield running


def bus_of(cluster: ClusterThread) -> AbstractAsyncContextManager[RedisClient]:
    url = cluster.cluster.of("api")[0].environment["SCOUT_REDIS_URL"]
    return connect(url, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry()))


@pytest.fixture
def console(cluster: ClusterThread, visit: Visit) -> Page:
    page, _watch = visit(f"{cluster.url}/console")
    eventually(lambda: healthy(page), "the fleet is healthy", HEALTHY_WITHIN)
    return page


def agrees(cluster: ClusterThread, page: Page, node: ServiceProcess) -> bool:
    card, told = card_of(node), metrics(cluster, node)
    legend = page.locator(f"{card} .legend >> nth=0").locator("li").all_inner_texts()
    by_state = {text.split()[-1]: number(text) for text in legend}
    return (
        by_state == {state: told.total("scout_dht_contacts", state=state) for state in by_state}
        and number(figure(page, card, "contacts")) == told.total("scout_dht_contacts") > 0
        and number(figure(page, card, "stored_items")) == told.total("scout_dht_stored_items")
        and number(figure(page, card, "partitions")) == told.total("scout_bus_partitions", group="dht")
    )


def test_a_nodes_figures_are_those_of_its_metrics(cluster: ClusterThread, console: Page) -> None:
    nodes = cluster.cluster.of("dht_node")
    eventually(
        lambda: all(agrees(cluster, console, node) for node in nodes), "the page agrees with the nodes' /metrics", 20
    )


def test_bars_are_the_buckets(cluster: ClusterThread, console: Page) -> None:
    card = card_of(cluster.cluster.of("dht_node")[0])
    titles = console.locator(f"{card} svg.buckets title").all_text_contents()
    assert titles
    assert all(title.startswith("bucket ") for title in titles)
    assert sum(number(title.partition(": ")[2]) for title in titles) == number(figure(console, card, "contacts"))


def test_counts_of_the_cluster_are_sums_over_its_processes(cluster: ClusterThread, console: Page) -> None:
    def agree() -> bool:
        crypto = sum(
            metrics(cluster, one).total("scout_crypto_operation_seconds_count") for one in cluster.cluster.of("crypto")
        )
        shown = sum(map(number, console.locator("#crypto [data-figure=operations]").all_inner_texts()))
        kept = metrics(cluster, cluster.cluster.of("dht_node")[0]).total("scout_dht_kept_items")
        return shown == crypto > 0 and number(figure(console, "[data-tile=kept_items]", "kept_items")) == kept > 0

    eventually(agree, "operations and kept items are those of /metrics", 20)


def test_rates_are_those_of_the_counters(cluster: ClusterThread, console: Page) -> None:
    api = cluster.cluster.of("api")

    def answered() -> float:
        return sum(metrics(cluster, one).total("scout_api_requests_total") for one in api)

    def rate_fits() -> bool:
        before = answered()
        console.wait_for_timeout(6000)
        per_second = (answered() - before) / 6
        # each page of this test asks every two seconds: the fleet, and nothing else
        return abs(number(figure(console, "[data-tile=requests]", "requests")) - per_second) <= 0.25 * per_second + 0.1

    eventually(rate_fits, "the rate of requests is that of the counters", 40)


def test_dead_letters_are_shown_without_what_was_in_them(cluster: ClusterThread, console: Page) -> None:
    envelope = Envelope(b"\1" * 16, f"crypto.{MALICE}@1", "nowhere", 0, "default", "r-77", b"the body")

    async def bury() -> None:
        async with bus_of(cluster) as redis:
            await redis.shared.command(
                *("XADD", streams.dead_letters("crypto"), "*", "reason", "failed", "deliveries", 3),
                *("envelope", encode(envelope)),
            )

    cluster.run(bury())
    eventually(lambda: "1 kept" in figure(console, "#bus", "dead_letters_kept"), "a dead letter is shown", 15)
    row = console.locator("#bus tr", has_text="r-77")
    assert "failed" in row.inner_text()
    assert "<img" in row.inner_text()
    assert "the body" not in console.content()


def test_a_malicious_name_is_only_a_name(cluster: ClusterThread, console: Page) -> None:
    told = a_report("crypto", 1)
    bad = Report(
        service=MALICE,
        instance=f"{MALICE}#1#x",
        host=MALICE,
        version=MALICE,
        uptime_ms=1000,
        checks={MALICE: False},
        bus={MALICE: told.bus["crypto"]},
    )

    async def intrude(*, leave: bool) -> None:
        async with bus_of(cluster) as redis:
            fleet = RedisFleet(redis)
            await (fleet.leave(bad.instance) if leave else fleet.report(bad))

    cluster.run(intrude(leave=False))
    try:
        eventually(lambda: MALICE in console.locator(".health").inner_text(), "the name is shown as text", 15)
        assert MALICE in console.locator("#processes").inner_text()
        assert console.locator("#fleet img, #fleet script").count() == 0
        assert console.evaluate("window.owned") is None
    finally:
        cluster.run(intrude(leave=True))
    eventually(lambda: healthy(console), "the intruder is gone", 15)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("wide", 1280), ("narrow", 360)])
def test_how_it_looks(cluster: ClusterThread, visit: Visit, scheme: str, name: str, width: int) -> None:
    page, _watch = visit(
        f"{cluster.url}/console",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    eventually(lambda: healthy(page), "the fleet is healthy", HEALTHY_WITHIN)
    cluster.run(put_items(cluster.url))
    page.wait_for_timeout(6000)
    assert overflow(page) <= 0
    assert faint_text(page) == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"console-{name}-{scheme}.png", full_page=True)


def test_the_theme_can_be_chosen_and_is_remembered(console: Page) -> None:
    def ground() -> str:
        found: str = console.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    toggle = console.locator("#theme")
    colours = {}
    for theme in ("light", "dark"):
        toggle.click()
        assert toggle.inner_text() == f"Theme: {theme}"
        colours[theme] = ground()
    assert colours["light"] != colours["dark"]
    console.reload()
    assert toggle.inner_text() == "Theme: dark"
    assert ground() == colours["dark"]


def test_it_can_be_used_from_the_keyboard_and_heard(console: Page) -> None:
    console.keyboard.press("Tab")
    assert console.evaluate("document.activeElement.className") == "skip"
    console.keyboard.press("Tab")
    assert console.evaluate("document.activeElement.id") == "theme"
    outline = console.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    assert console.locator(".health[role=status][aria-live=polite]").count() == 1
    for chart in console.locator("svg[role=img]").all():
        assert chart.get_attribute("aria-label")
    for table in console.get_by_role("table").all():
        assert table.locator("th[scope=col]").count() > 1


def test_a_reader_keeps_his_place_while_figures_change(console: Page) -> None:
    summary = console.locator("article.card summary").first
    summary.click()
    summary.focus()
    console.wait_for_timeout(5000)
    assert console.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert console.locator("article.card details").first.evaluate("details => details.open")
    assert "Own queries" in console.locator("article.card details").first.inner_text()
