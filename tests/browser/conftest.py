"""A real Chromium, and pages that are watched: an error in the console or a request to elsewhere fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SCREENSHOTS = Path("build/screenshots")
WAIT_MS = 15_000.0

Options = dict[str, Any]


@dataclass
class Watch:
    """What went wrong on a page, as its browser saw it."""

    origins: set[str]
    """The only ones that may be asked for anything."""
    problems: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()
    """Parts of messages that a test brings about itself."""

    def follow(self, page: Page) -> None:
        """Listen to all that a page says and asks for."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    @property
    def unforgiven(self) -> list[str]:
        """What fails the test."""
        return [text for text in self.problems if not any(part in text for part in self.forgiven)]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if f"{address.scheme}://{address.netloc}" not in self.origins and address.scheme not in {"data", "blob"}:
            self.problems.append(f"asked elsewhere: {request.url}")


Visit = Callable[..., tuple[Page, Watch]]
"""`visit(url, **options of the browser's context)`: a page on which `url` is open, and its watch."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the whole run."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.exit("the browser tests need Chromium on the PATH: apt-get install chromium", returncode=1)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens watched pages, each in a context of its own; afterwards nothing may have gone wrong on any of them."""
    watches: list[Watch] = []

    def open_page(url: str, **options: Any) -> tuple[Page, Watch]:
        address = urlsplit(url)
        watch = Watch({f"{address.scheme}://{address.netloc}"})
        watches.append(watch)
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(WAIT_MS)
        watch.follow(page)
        page.goto(url)
        return page, watch

    yield open_page
    for context in browser.contexts:
        context.close()
    assert [problem for watch in watches for problem in watch.unforgiven] == []


def overflow(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide
