"""The documentation's page in a real Chromium: all of the API is on it, and it reads well everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page

from services.api.problems import STATUS
from services.standalone.config import StandaloneConfig
from tests.browser.conftest import SCREENSHOTS, Visit, overflow
from tests.support.standalone import stack_in_a_thread

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with stack_in_a_thread(StandaloneConfig(swarm=3, swarm_network="127.79")) as stack:
        yield stack.api_url


@pytest.fixture(scope="module")
def document(api: str) -> dict[str, Any]:
    with urlopen(f"{api}/openapi.json") as answer:
        read: dict[str, Any] = json.load(answer)
        return read


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"docs-{name}.png")


def test_every_endpoint_and_every_field_of_its_body_is_there(api: str, document: dict[str, Any], visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport=WIDE)
    shown = page.eval_on_selector_all("article", "all => all.map(one => one.dataset.operation)")
    operations = {
        f"{method.upper()} {path}": said
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    }
    assert sorted(shown) == sorted(operations)
    assert page.locator(".contents a[href^='#']").count() >= len(operations) + 5
    for name, said in operations.items():
        article = page.locator(f"article[data-operation='{name}']")
        assert said["summary"] in article.inner_text()
        if "requestBody" in said:
            body = said["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            listed = article.locator(".fields > dt > code:first-child").all_text_contents()
            assert set(document["components"]["schemas"][body]["properties"]) <= set(listed), name


def test_every_code_is_explained_and_linked_to(api: str, visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport=WIDE)
    assert page.locator("#errors tbody tr").count() == len(STATUS)
    targets = page.eval_on_selector_all("a[href^='#']", "all => all.map(one => one.hash.slice(1))")
    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_call_is_copied_as_it_stands(api: str, visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    assert api in page.locator("#first-steps code").inner_text()
    block = page.locator("#devices-announce .block").first
    block.hover()
    block.locator(".copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").inner_text()
    assert '-X PUT "$api/v1/devices/1"' in block.inner_text()


def test_the_contents_can_be_filtered_and_walked_by_keyboard(api: str, visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport=WIDE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("/")
    page.keyboard.type("ping")
    assert page.locator(".contents li li:visible").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs#dht-ping")
    page.wait_for_selector(".contents a[href='#dht-ping'][aria-current]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(api: str, scheme: str, visit: Visit) -> None:
    wide, _ = visit(f"{api}/docs", viewport=WIDE, color_scheme=scheme, reduced_motion="reduce")
    shoot(wide, f"wide-{scheme}")
    wide.goto(f"{api}/docs#devices-announce")
    shoot(wide, f"wide-{scheme}-endpoint")
    wide.goto(f"{api}/docs#errors")
    shoot(wide, f"wide-{scheme}-errors")
    wide.goto(f"{api}/docs#fleet-show")
    wide.evaluate("document.querySelectorAll('#fleet-show details').forEach(one => { one.open = true })")
    wide.locator("#fleet-show .fields .fields").first.scroll_into_view_if_needed()
    shoot(wide, f"wide-{scheme}-fields")
    narrow, _ = visit(f"{api}/docs", viewport=NARROW, color_scheme=scheme, reduced_motion="reduce", is_mobile=True)
    shoot(narrow, f"narrow-{scheme}")
    narrow.goto(f"{api}/docs#devices-announce")
    shoot(narrow, f"narrow-{scheme}-endpoint")
    narrow.locator("#devices-announce .sample").scroll_into_view_if_needed()
    shoot(narrow, f"narrow-{scheme}-sample")
    narrow.goto(f"{api}/docs#errors")
    shoot(narrow, f"narrow-{scheme}-errors")
    narrow.locator(".contents > summary").click()
    narrow.evaluate("scrollTo(0, 0)")
    shoot(narrow, f"narrow-{scheme}-contents")


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1280, 1920])
def test_nothing_sticks_out(api: str, width: int, visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert overflow(page) <= 0


def test_it_can_be_read_without_a_script(api: str, visit: Visit) -> None:
    page, _ = visit(f"{api}/docs", viewport=WIDE, java_script_enabled=False)
    assert page.locator("article").count() > 15
    assert page.locator(".contents a").first.is_visible()
