"""The page as a whole: how to begin, handles and keys, every endpoint, every error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.api.docs import words
from services.api.docs.html import Html, el, join, paragraphs, prose
from services.api.docs.kinds import Kinds
from services.api.docs.operation import anchor, block, method_name, section

Document = dict[str, Any]
Operations = list[tuple[str, str, dict[str, Any]]]
"""Method, path and operation."""


def page(document: Document) -> Html:
    """The page of an OpenAPI document, as `openapi.document` makes it."""
    info, operations = document["info"], _operations(document)
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", "The Scout API"),
        el("link", rel="icon", href="/console/icon.svg"),
        el("link", rel="stylesheet", href="/docs/docs.css"),
        el("script", src="/docs/docs.js", defer=True),
    )
    body = el(
        "body",
        el("a", "To the content", class_="skip", href="#content"),
        _bar(info["version"]),
        el("div", _contents(document, operations), _main(document, operations), class_="columns"),
    )
    return join(Html("<!doctype html>\n"), el("html", head, body, lang="en"))


def _operations(document: Document) -> Operations:
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _tagged(operations: Operations, tag: str) -> Operations:
    return [one for one in operations if tag in one[2]["tags"]]


def _bar(version: str) -> Html:
    name = el("a", "Scout", el("span", f"API {version}"), href="#top", class_="name")
    links = el(
        "nav", el("a", "openapi.json", href="/openapi.json"), el("a", "Console", href="/console"), aria_label="Pages"
    )
    return el("header", name, links, class_="bar", id="top")


def _contents(document: Document, operations: Operations) -> Html:
    """The way around."""

    def group(heading: str, *entries: Html) -> Html:
        return el("li", el("span", heading, class_="group"), el("ul", (el("li", entry) for entry in entries)))

    tags = [group(tag["name"], *(_entry(*one) for one in _tagged(operations, tag["name"]))) for tag in document["tags"]]
    beginning = [_link("first-steps", "First steps"), _link("conventions", "Conventions")]
    beginning += [_link("handles", "What handles are"), _link("scopes", "Keys and scopes"), _link("errors", "Errors")]
    listed = el("nav", el("ul", group("To begin with", *beginning), *tags), aria_label="Contents")
    return el("details", el("summary", "Contents"), listed, class_="contents", open=True)


def _link(target: str, text: str) -> Html:
    return el("a", text, href=f"#{target}")


def _entry(method: str, path: str, operation: dict[str, Any]) -> Html:
    return el(
        "a",
        method_name(method),
        el("span", path.removeprefix("/v1"), class_="path"),
        href=f"#{anchor(operation)}",
        title=operation["summary"],
    )


def _main(document: Document, operations: Operations) -> Html:
    kinds = Kinds(document["components"]["schemas"])
    parameters = document["components"]["parameters"]
    chapters = [
        el(
            "section",
            el("h2", tag["name"]),
            el("p", prose(tag["description"]), class_="lead"),
            (section(*one, kinds, parameters) for one in _tagged(operations, tag["name"])),
            class_="chapter",
        )
        for tag in document["tags"]
    ]
    return el("main", *_beginning(document), *chapters, _errors(document), id="content", tabindex="-1")


def _beginning(document: Document) -> Iterator[Html]:
    summary, _, _ = document["info"]["description"].partition("\n\n")
    secured = any(operation["security"] for _, _, operation in _operations(document))
    yield el("section", el("h1", "The Scout API"), el("p", summary, class_="lead"), class_="chapter intro")
    yield _chapter(
        "first-steps",
        "First steps",
        el("p", "A link from a secret, a device in its record, and the record as the others see it:"),
        block(words.first_steps(secured=secured), "First steps"),
    )
    rules = ((el("dt", name), el("dd", prose(rule))) for name, rule in words.CONVENTIONS.items())
    yield _chapter("conventions", "Conventions", el("dl", *rules, class_="rules"))
    yield _chapter("handles", "What handles are", paragraphs(words.HANDLES))
    rows = ((el("code", one["scope"]), prose(one["meaning"])) for one in document["x-scopes"])
    yield _chapter("scopes", "Keys and scopes", paragraphs(words.KEYS), table(("Scope", "What it opens"), rows))


def _errors(document: Document) -> Html:
    rows = (
        (str(one["status"]), el("code", one["code"], id=f"error-{one['code']}"), prose(one["meaning"]))
        for one in document["x-codes"]
    )
    return _chapter("errors", "Errors", paragraphs(words.ERRORS), table(("Status", "Code", "Meaning"), rows))


def _chapter(identity: str, heading: str, *children: Html) -> Html:
    return el("section", el("h2", heading), *children, class_="chapter", id=identity)


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Html:
    """A table; on a narrow screen each row becomes a block."""
    body = (el("tr", (el("td", cell, data_label=head) for head, cell in zip(heads, row, strict=True))) for row in rows)
    return el("table", el("thead", el("tr", (el("th", head, scope="col") for head in heads))), el("tbody", *body))
