"""Which address a caller has, as far as the service can see it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from services.api.service import Network
from shared.errors import ErrorCode, ScoutError

AUTO = "auto"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def resolve_auto(address: str, request: web.Request, proxies: Sequence[Network]) -> str:
    """`auto:PORT` with the caller's own address in its place; any other text as it is.

    Raises ScoutError (`invalid_request`) for `auto` without a port, or when the caller's address is unknown.
    """
    host, colon, port = address.partition(":")
    if host != AUTO:
        return address
    if not colon:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected auto:PORT, got auto: the service can't see your port.")
    caller = caller_of(request, proxies)
    if caller is None:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected an address: the service can't see yours.")
    return f"{caller}:{port}" if caller.version == 4 else f"[{caller}]:{port}"  # noqa: PLR2004  # IPv4


def caller_of(request: web.Request, proxies: Sequence[Network]) -> Address | None:
    """The nearest address that is no trusted proxy's: of the connection, else from the right in X-Forwarded-For."""
    hops = [part for value in request.headers.getall("X-Forwarded-For", []) for part in value.split(",")]
    caller = _address(request.remote or "")
    while caller is not None and hops and any(caller in network for network in proxies):
        caller = _address(hops.pop().strip())
    return caller


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # a dual-stack socket shows IPv4 callers so
    return getattr(address, "ipv4_mapped", None) or address
