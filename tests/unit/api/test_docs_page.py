"""The documentation's page as it is made: nothing in it is markup by accident, and each kind of value has its words."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from services.api.docs.curl import curl
from services.api.docs.html import Html, el, join, prose
from services.api.docs.kinds import Kinds
from services.api.docs.page import page
from services.api.openapi.document import document
from services.api.routes import all_endpoints
from tests.unit.api.world import Api

VOID = {"meta", "link"}


class Nesting(HTMLParser):
    """Which elements are open, and what was closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if any(name == "style" or name.startswith("on") for name, _ in attrs):
            self.wrong.append(f"inline code or style in {tag}: the page's policy forbids it")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_text_is_escaped_and_markup_is_not_escaped_twice() -> None:
    assert el("p", "a < b", el("b", "&"), title='"x"') == '<p title="&quot;x&quot;">a &lt; b<b>&amp;</b></p>'
    assert join("<", Html("<br>")) == "&lt;<br>"
    assert prose("`a<b` & c") == "<code>a&lt;b</code> &amp; c"
    assert el("details", open=True, hidden=False, class_=None) == "<details open></details>"


@pytest.mark.parametrize("secured", [False, True])
def test_the_page_is_well_formed(secured: bool) -> None:
    made = page(document(all_endpoints(), "1.2.3", secured=secured))
    nesting = Nesting()
    nesting.feed(made)
    assert (nesting.open, nesting.wrong) == ([], [])
    assert ("Bearer $key" in made) == secured


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": -5, "maximum": 7}, "integer, \N{MINUS SIGN}5 … 7"),
        ({"type": "integer", "minimum": 1}, "integer, at least 1"),
        ({"type": "string", "pattern": "^([0-9a-f]{2}){20}$"}, "hex, 20 bytes"),
        ({"type": "string", "contentEncoding": "base64url", "maxLength": 340}, "base64url, at most 255 bytes"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "moment (RFC 3339), or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/One"}}, "list of objects"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object: name → integer"),
        ({"enum": ["first", "settled"]}, "`first` or `settled`"),
    ],
)
def test_kinds_in_words(schema: dict[str, Any], words: str) -> None:
    assert Kinds({"One": {"type": "object", "properties": {}}}).words(schema) == words


def test_a_call_stays_on_one_line_while_it_fits() -> None:
    parameters = [{"name": "id", "in": "path", "example": 7}, {"name": "after", "in": "query", "example": 2}]
    said: dict[str, Any] = {"parameters": parameters, "security": []}
    assert curl("DELETE", "/v1/x/{id}", said, []) == 'curl -s -X DELETE "$api/v1/x/7?after=2"'
    body = {"content": {"application/json": {"example": {"name": "n" * 60}}}}
    long = curl("POST", "/v1/x/{id}", said | {"requestBody": body}, ["Scout-Link"])
    assert long.splitlines()[:2] == ['curl -s "$api/v1/x/7?after=2" \\', '  -H "Scout-Link: $link" \\']


async def test_the_page_and_its_files_are_served_with_a_strict_policy(api: Api) -> None:
    for path, media in (("/docs", "text/html"), ("/docs/docs.css", "text/css"), ("/docs/docs.js", "text/javascript")):
        async with api.http.get(api.url + path) as served:
            assert served.status == 200
            assert served.content_type == media
            assert "default-src 'none'" in served.headers["Content-Security-Policy"]
            assert served.headers["ETag"]
    assert (await api.call("GET", "/docs/page.py")).code == "not_found"
