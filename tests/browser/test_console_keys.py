"""The console where API keys are in use: it asks for one, says why not, and keeps it to itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.browser.conftest import SCREENSHOTS, Visit, overflow
from tests.browser.fleet import HEALTHY_WITHIN, eventually, healthy
from tests.support.cluster_thread import ClusterThread, cluster_in_a_thread

KEYS = {scope: f"scout_{scope[0] * 43}" for scope in ("admin", "read")}
UNKNOWN = f"scout_{'x' * 43}"
REFUSED = ("status of 401", "status of 403")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterThread]:
    directory = tmp_path_factory.mktemp("cluster")
    keys = directory / "api-keys.toml"
    keys.write_text(
        "".join(
            f'[[key]]\nname = "{scope}"\ntenant = "acme"\nscopes = ["{scope}"]\n'
            f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
            for scope, token in KEYS.items()
        )
    )
    with cluster_in_a_thread(
        directory, copies=1, swarm=4, networks=("127.87", "127.88"), api_settings={"SCOUT_API_KEYS_FILE": str(keys)}
    ) as running:
        yield running


def test_it_asks_for_a_key_and_says_what_is_wrong_with_one(cluster: ClusterThread, visit: Visit) -> None:
    page, watch = visit(f"{cluster.url}/console", viewport={"width": 360, "height": 640})
    watch.forgiven = REFUSED
    message = page.locator("#key-message")
    page.locator("#key").wait_for()
    assert not message.is_visible()
    assert overflow(page) <= 0
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "console-key.png")
    for key, words in (
        (UNKNOWN, "does not know this key"),
        (KEYS["read"], "lacks the scope admin"),
        ("schlüssel", "letters, digits and signs"),
    ):
        page.locator("#key").fill(key)
        page.keyboard.press("Enter")
        eventually(lambda words=words: words in message.inner_text(), f"it says {words}", 10)  # type: ignore[misc]  # bound now, not later
        assert page.locator("#key").input_value() == ""
        assert page.locator("#fleet").inner_text() == ""


def test_the_key_stays_in_the_tab_and_out_of_addresses(cluster: ClusterThread, visit: Visit) -> None:
    page, watch = visit(f"{cluster.url}/console")
    watch.forgiven = REFUSED
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#key").fill(KEYS["admin"])
    page.get_by_role("button", name="Show the fleet").click()
    eventually(lambda: healthy(page), "the fleet is healthy", HEALTHY_WITHIN)
    assert not page.locator("#key-form").is_visible()
    assert not any(KEYS["admin"] in url for url in [*asked, page.url])
    assert KEYS["admin"] not in page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert KEYS["admin"] not in page.content()
    page.reload()
    eventually(lambda: healthy(page), "the tab knows its key", HEALTHY_WITHIN)
    page.get_by_role("button", name="Forget key").click()
    page.locator("#key").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    assert page.locator("#fleet").inner_text() == ""
