"""HTML put together so that nothing in it can be markup by accident."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_CODE = re.compile(r"`([^`]+)`")
_VOID = frozenset({"link", "meta"})


class Html(str):
    """Text that is markup already; every other text is escaped where it becomes part of some."""

    __slots__ = ()


def el(tag: str, *children: str | Iterable[str], **attributes: str | bool | None) -> Html:
    """An element. An attribute's name may have a trailing `_`, and `_` for `-`; False and None leave it out."""
    opened = tag + "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{opened}>") if tag in _VOID else Html(f"<{opened}>{join(*children)}</{tag}>")


def join(*children: str | Iterable[str]) -> Html:
    """One after the other."""
    parts = []
    for child in children:
        if isinstance(child, Html):
            parts.append(str(child))
        elif isinstance(child, str):
            parts.append(escape(child))
        else:
            parts.append(join(*child))
    return Html("".join(parts))


def prose(text: str) -> Html:
    """A text with `code` in it."""
    return Html(_CODE.sub(lambda found: f"<code>{found[1]}</code>", escape(text, quote=False)))


def paragraphs(text: str) -> Html:
    """The paragraphs of a text."""
    return join(el("p", prose(part)) for part in text.split("\n\n") if part)


def _attribute(name: str, value: str | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
