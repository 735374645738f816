"""What every answer carries for browsers: nothing is guessed, framed, kept, or told to third parties.

Pages of other origins get nothing to read, unless the operator lists them. Callers are told apart by a key in a header,
never by a cookie, so `Access-Control-Allow-Credentials` is not sent to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web, web_response
from aiohttp.typedefs import Handler

from services.api.service import Guards, service_of

ALWAYS: Mapping[str, str] = {
    # answers hold handles and plaintexts
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Unless the answer says something else itself."""

PAGE: Mapping[str, str] = {
    # nothing from elsewhere, nothing inline, no frame around it: what a name could smuggle in has nowhere to run
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What a page of ours carries, and everything that belongs to it."""

PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "Last-Event-ID, Scout-Link, X-Request-Id",
    "Access-Control-Max-Age": "600",
}
EXPOSED = "Age, ETag, Retry-After, WWW-Authenticate, X-Request-Id"

# aiohttp has no setting for it, and would name its version and Python's to whoever asks
web_response.SERVER_SOFTWARE = "scout"  # type: ignore[attr-defined]  # imported there, not declared


@web.middleware
async def preflighted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the question that a browser asks before a page of a listed origin may call (Fetch, "CORS-preflight")."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if asks and request.headers.get("Origin") in service_of(request).guards.origins:
        return web.Response(status=web.HTTPNoContent.status_code, headers=PREFLIGHT)
    return await handler(request)


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers, just before an answer is sent; aiohttp calls this for every kind of answer."""
    guards = service_of(request).guards
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if guards.hsts_s:
        response.headers["Strict-Transport-Security"] = f"max-age={guards.hsts_s}"
    if guards.origins:
        _admit(request, response, guards)


def _admit(request: web.Request, response: web.StreamResponse, guards: Guards) -> None:
    """Let a page of a listed origin read the answer."""
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    if origin in guards.origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED


def origin(text: str) -> str:
    """An origin as browsers send it: `https://app.example`, with a port where it is not the usual one.

    Raises ValueError.
    """
    try:
        parts = urlsplit(text)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        parts, port = urlsplit(""), ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.scheme not in ("http", "https") or not host or text != f"{parts.scheme}://{host}{port}":
        raise ValueError(f"an origin such as https://app.example, in lower case and without a path, got {text!r}")
    return text
