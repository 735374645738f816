"""The console's files as they are served; what a browser makes of them is in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from yarl import URL

from tests.unit.api.world import Api

FOLDER = Path(__file__).parents[3] / "services/api/console"
FILES = sorted(path.name for path in FOLDER.iterdir())


async def test_the_page_lets_nothing_in_from_elsewhere(api: Api) -> None:
    async with api.http.get(f"{api.url}/console") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert await answer.text() == (FOLDER / "index.html").read_text()


@pytest.mark.parametrize("name", FILES)
async def test_every_file_is_served_and_known_again(api: Api, name: str) -> None:
    async with api.http.get(f"{api.url}/console/{name}") as answer:
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await answer.read() == (FOLDER / name).read_bytes()
        tag = answer.headers["ETag"]
    async with api.http.get(f"{api.url}/console/{name}", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fapp.py", "%2e%2e", "console.css%00"])
async def test_nothing_else_is_served(api: Api, name: str) -> None:
    async with api.http.get(URL(f"{api.url}/console/{name}", encoded=True)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_never_make_markup_of_text(name: str) -> None:
    source = (FOLDER / name).read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b", source
    )
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", source)
