"""Numbers as the pages write them: the modules themselves, in the browser that runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from services.standalone.app import Stack
from services.standalone.config import StandaloneConfig
from tests.browser.conftest import Visit
from tests.support.standalone import stack_in_a_thread

UNKNOWN = "\u2013"

CASES = {
    "bytes(0)": "0 B",
    "bytes(999)": "999 B",
    "bytes(1536)": "1.54 kB",
    "bytes(999999)": "1.00 MB",
    "bytes(123456789)": "123 MB",
    "rate(null)": UNKNOWN,
    "rate(0)": "0",
    "rate(0.3149)": "0.31",
    "rate(4.25)": "4.3",
    "rate(1234.4)": "1,234",
    "seconds(0.00085)": "850 µs",
    "seconds(0.0042)": "4.2 ms",
    "seconds(0.042)": "42 ms",
    "seconds(1.25)": "1.3 s",
    "seconds(null)": UNKNOWN,
    "share(0, 0)": UNKNOWN,
    "share(1, 1000)": "< 1 %",
    "share(999, 1000)": "99 %",
    "duration(59.9)": "59 s",
    "duration(3600)": "1 h",
    "duration(12000)": "3 h 20 min",
    "duration(1051200)": "12 d 4 h",
    "whole(1234)": "1,234",
    "about(9400000)": "9.4M",
    "counted(1, 'item')": "1 item",
    "counted(2, 'process', 'processes')": "2 processes",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with stack_in_a_thread(StandaloneConfig(swarm=4, swarm_network="127.84")) as running:
        yield running


@pytest.fixture
def page(stack: Stack, visit: Visit) -> Page:
    return visit(f"{stack.api_url}/console")[0]


def test_numbers_are_written_for_people(page: Page) -> None:
    written = {case: page.evaluate(_call(case)) for case in CASES}
    assert written == CASES


def _call(case: str) -> str:
    name, _, rest = case.partition("(")
    return f"import('/console/format.js').then((format) => format.{name}({rest})"


def test_rates_and_quantiles_of_a_history(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const { History } = await import("/console/history.js");
          const history = new History();
          const one = (count) => ({
            instance: "a", silent_s: 0, count,
            timed: { bounds: [0.1, 1], counts: [count, 2 * count], count: 2 * count, sum: 0 },
          });
          for (const s of [0, 2, 2.1, 4, 6]) history.take([one(10 * Math.floor(s / 2))], s);
          const last = one(30);
          return {
            rate: history.rate(last, (process) => process.count),
            unknown: history.rate({ instance: "b" }, () => 0),
            total: history.total([last, { instance: "b" }], (process) => process.count),
            half: history.quantile(0.5, [last], (process) => process.timed),
            most: history.quantile(0.75, [last], (process) => process.timed),
          };
        }"""
    )
    assert found == {"rate": 5, "unknown": None, "total": 5, "half": 0.1, "most": pytest.approx(0.55)}


def test_one_process_that_is_everything_is_shown_too(page: Page) -> None:
    page.locator(".health[data-healthy=true]").wait_for()
    assert page.locator("article.card").count() == 1
    assert page.locator("#processes tbody tr").count() == 1
    assert "standalone" in page.locator("#processes tbody tr").inner_text()
