"""One endpoint on the page: what it takes, a call to copy, what it answers, how it may refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from services.api.docs.curl import curl
from services.api.docs.fields import Fields
from services.api.docs.html import Html, el, join, paragraphs
from services.api.docs.kinds import Kinds

JSON = "application/json"
_PLACES = {"path": "in the path", "query": "in the query", "header": "header"}
_EVERYWHERE = "X-Request-Id"


def anchor(operation: dict[str, Any]) -> str:
    """Where the page shows it."""
    return str(operation["operationId"]).replace("_", "-")


def method_name(method: str) -> Html:
    """A method, in its colour."""
    return el("span", method, class_=f"method {method.lower()}")


def block(text: str, label: str) -> Html:
    """Something to copy; `label` is for those who don't see it."""
    return el("div", el("pre", el("code", text), tabindex="0", role="region", aria_label=label), class_="block")


def section(method: str, path: str, operation: dict[str, Any], kinds: Kinds, named: dict[str, Any]) -> Html:
    """All of an endpoint; `named` are the document's parameters."""
    parameters = [named[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation["parameters"]]
    required = [one["name"] for one in parameters if one["in"] == "header" and one.get("required")]
    about, _, _ = operation["description"].rpartition("\n\n")
    title = el("h3", el("a", method_name(method), el("code", path), href=f"#{anchor(operation)}"))
    left = join(
        paragraphs(about),
        _taken([one for one in parameters if one["name"] != _EVERYWHERE], Fields(kinds)),
        _body(operation, Fields(kinds)),
        _answer(operation, Fields(kinds, answered=True)),
        _refusals(operation["responses"]),
    )
    right = join(
        block(curl(method, path, operation, required), f"A call of {method} {path}"),
        _example(operation, f"An answer of {method} {path}"),
    )
    head = el("header", title, el("p", operation["summary"], _scope(operation), class_="summary"))
    halves = el("div", el("div", left, class_="words"), el("div", right, class_="sample"), class_="halves")
    return el("article", head, halves, id=anchor(operation), data_operation=f"{method} {path}")


def _scope(operation: dict[str, Any]) -> Html:
    scope = operation.get("x-scope")
    if scope is None:
        return el("span", "no key needed", class_="scope open")
    return el("a", "scope ", el("b", scope), class_="scope", href="#scopes")


def _taken(parameters: list[dict[str, Any]], fields: Fields) -> Html:
    if not parameters:
        return Html("")
    listed = (fields.parameter(one, _PLACES[one["in"]]) for one in parameters)
    return join(el("h4", "Parameters"), el("dl", *listed, class_="fields"))


def _body(operation: dict[str, Any], fields: Fields) -> Html:
    if "requestBody" not in operation:
        return Html("")
    return join(el("h4", "Body"), fields.of(operation["requestBody"]["content"][JSON]["schema"]))


def _answer(operation: dict[str, Any], fields: Fields) -> Html:
    content = operation["responses"]["200"]["content"]
    if JSON not in content:
        return join(el("h4", "Answer"), el("p", el("code", next(iter(content)))))
    said = fields.of(content[JSON]["schema"])
    return join(el("h4", "Answer"), said) if said else Html("")


def _example(operation: dict[str, Any], label: str) -> Html:
    example = operation["responses"]["200"]["content"].get(JSON, {}).get("example")
    return Html("") if example is None else block(json.dumps(example, indent=2, ensure_ascii=False), label)


def _refusals(responses: dict[str, Any]) -> Html:
    return el("details", el("summary", "How it may refuse"), el("ul", *_codes(responses)), class_="refusals")


def _codes(responses: dict[str, Any]) -> Iterator[Html]:
    for status, response in responses.items():
        for content in response.get("content", {}).values():
            for part in content["schema"].get("allOf", []):
                for code in part.get("properties", {}).get("code", {}).get("enum", []):
                    yield el("li", el("b", status), " ", el("a", el("code", code), href=f"#error-{code}"))
