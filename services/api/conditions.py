"""`If-Match` and `If-None-Match` (RFC 9110, sections 13.1.1 and 13.1.2)."""

from __future__ import annotations

import re

from aiohttp import web

from shared.errors import ErrorCode, ScoutError

_TAGS = re.compile(r'\s*(?:W/)?"[^"\s]{1,64}"\s*(?:,\s*(?:W/)?"[^"\s]{1,64}"\s*)*')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def if_match(request: web.Request) -> frozenset[str] | None:
    """The tags that a write may find, `*` among them for any; None without the header. Raises ScoutError.

    A weak tag matches nothing here, as the RFC wants it.
    """
    return _tags(request, "If-Match", weak=False)


def is_known(request: web.Request, tag: str) -> bool:
    """Whether `If-None-Match` says that the caller has this state already. Raises ScoutError."""
    tags = _tags(request, "If-None-Match", weak=True)
    return tags is not None and (tag in tags or "*" in tags)


def _tags(request: web.Request, header: str, *, weak: bool) -> frozenset[str] | None:
    values = request.headers.getall(header, None)
    if values is None:
        return None
    text = ",".join(values)
    if text.strip() == "*":
        return frozenset({"*"})
    if not _TAGS.fullmatch(text):
        raise ScoutError(ErrorCode.INVALID_REQUEST, f'Expected in {header} tags like "17", as an ETag gave them, or *.')
    return frozenset(tag for is_weak, tag in _TAG.findall(text) if weak or not is_weak)
