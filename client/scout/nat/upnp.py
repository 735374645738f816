"""UPnP Internet Gateway Devices, by async-upnp-client: the one module that knows it.

What answers in a network may be anybody's. A device's description has to be where its answer came from (the library
sees to it that its actions are there too), nobody is sent elsewhere, and nothing is read without bounds.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import aiohttp
from async_upnp_client.client import UpnpRequester, UpnpService
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.const import HttpRequest, HttpResponse
from async_upnp_client.exceptions import UpnpActionError, UpnpCommunicationError, UpnpError
from async_upnp_client.search import SsdpSearchListener
from async_upnp_client.utils import CaseInsensitiveDict

from scout.nat.ports import PortMapping, UnmappedError, Wish
from shared.settings import Endpoint

SEARCHED = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
"""Devices of version 2 answer to this as well."""
SERVICES = ("WANIPConnection", "WANPPPConnection")
"""Either has the actions that we need, in any version."""
SEARCH_S = 2
"""Seconds for a first answer to come; devices take any time up to what the search says."""
OTHERS_S = 0.2
"""Seconds more for other gateways."""
REQUEST_S = 5.0
MAX_BODY = 256 * 2**10
"""Bytes of one document; descriptions have some ten thousand."""
MAX_DEVICES = 4
DESCRIPTION = "scout"
"""Under this name the gateway's owner finds the mapping in its pages."""
OTHER_PORTS = 3
"""How many are tried where ours is somebody else's already."""

_TAKEN = 718
"""ConflictInMappingEntry (WANIPConnection:1, section 2.4.16)."""
_ONLY_PERMANENT = 725
"""OnlyPermanentLeasesSupported (the same)."""


@dataclass(slots=True)
class Upnp:
    """Implements `ports.Way`."""

    ssdp: Endpoint
    dice: random.Random
    """For other external ports only."""
    name: str = field(default="UPnP", init=False)
    _mapped_by: UpnpService | None = field(default=None, init=False)
    """Whom to give the mapping back to, without a search."""

    async def map(self, wish: Wish) -> PortMapping:
        """See `ports.Way`."""
        self._mapped_by = service = await self._service(wish)
        port, lifetime = await self._add_somewhere(service, wish)
        answer = await _call(service, "GetExternalIPAddress")
        host = str(answer.get("NewExternalIPAddress"))
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise UnmappedError("the gateway has no address of its own") from None
        return PortMapping(self.name, Endpoint(host, port), lifetime)

    async def unmap(self, granted: Wish) -> None:
        """See `ports.Way`."""
        service = self._mapped_by or await self._service(granted)
        await _call(
            service, "DeletePortMapping", NewRemoteHost="", NewExternalPort=granted.external_port, NewProtocol="UDP"
        )

    async def _service(self, wish: Wish) -> UpnpService:
        """The first gateway's actions. Raises UnmappedError."""
        refused = "no gateway answers"
        for location in await _search(self.ssdp, wish.internal.host):
            try:
                device = await UpnpFactory(_Requester(), non_strict=True).async_create_device(location)
            except (UpnpError, ParseError, ValueError) as error:
                refused = f"the gateway can't be understood ({error})"
                continue
            for service in device.all_services:
                if any(f":service:{kind}:" in service.service_type for kind in SERVICES):
                    return service
            refused = "the gateway maps no ports"
        raise UnmappedError(refused)

    async def _add_somewhere(self, service: UpnpService, wish: Wish) -> tuple[int, int]:
        """External port and lifetime as they were granted. Raises UnmappedError."""
        for port in self._ports(wish):
            try:
                return port, await _add_or_for_ever(service, wish, port)
            except _RefusedError as error:
                if error.code != _TAKEN:
                    raise
        raise UnmappedError("the port is somebody else's at the gateway, and so were others")

    def _ports(self, wish: Wish) -> Iterator[int]:
        yield wish.external_port
        for _ in range(OTHER_PORTS):
            yield self.dice.randrange(1024, 65536)


class _RefusedError(UnmappedError):
    """The gateway says no, with a code of UPnP's."""

    def __init__(self, error: UpnpActionError) -> None:
        super().__init__(f"the gateway refuses ({error.error_desc or 'it does not say why'}, {error.error_code})")
        self.code = error.error_code


class _Requester(UpnpRequester):
    """HTTP without redirects and within bounds."""

    async def async_http_request(self, http_request: HttpRequest) -> HttpResponse:
        """Implements `UpnpRequester`. Raises UpnpCommunicationError."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_S)) as http,
                http.request(
                    http_request.method,
                    http_request.url,
                    headers=http_request.headers,
                    data=http_request.body,
                    allow_redirects=False,
                ) as response,
            ):
                return HttpResponse(response.status, response.headers, await _bounded(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpnpCommunicationError(message=str(error) or "no answer in time") from error


async def _bounded(response: aiohttp.ClientResponse) -> str:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise UpnpCommunicationError(message=f"expected a document of at most {MAX_BODY} bytes")
    return body.decode(errors="replace")


async def _search(ssdp: Endpoint, local: str) -> list[str]:
    """Where the descriptions of the gateways are that answer at `ssdp`. Raises UnmappedError."""
    found: dict[str, None] = {}
    first = asyncio.Event()

    def answered(headers: CaseInsensitiveDict) -> None:
        location = str(headers.get_lower("location") or "")
        if headers.get_lower("st") == SEARCHED and _host(location) == headers.get_lower("_host"):
            found[location] = None
            first.set()

    searching = SsdpSearchListener(
        callback=answered,
        source=(local, 0),
        target=(ssdp.host, ssdp.port),
        timeout=SEARCH_S,
        search_target=SEARCHED,
    )
    try:
        await searching.async_start()
        searching.async_search()
        with suppress(TimeoutError):
            await asyncio.wait_for(first.wait(), SEARCH_S)
            await asyncio.sleep(OTHERS_S)
    except OSError as error:
        raise UnmappedError(f"nobody can be asked ({error.strerror or error})") from error
    finally:
        searching.async_stop()
    return list(found)[:MAX_DEVICES]


def _host(url: str) -> str | None:
    """None when it is no URL."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _add_or_for_ever(service: UpnpService, wish: Wish, port: int) -> int:
    """Add a mapping and return its lifetime: 0, for ever, where the gateway has only such. Raises UnmappedError."""
    try:
        await _add(service, wish, port, wish.lifetime_s)
    except _RefusedError as error:
        if error.code != _ONLY_PERMANENT:
            raise
        await _add(service, wish, port, 0)
        return 0
    return wish.lifetime_s


async def _add(service: UpnpService, wish: Wish, port: int, lifetime_s: int) -> None:
    await _call(
        service,
        "AddPortMapping",
        # anybody; some gateways refuse all but the empty string
        NewRemoteHost="",
        NewExternalPort=port,
        NewProtocol="UDP",
        NewInternalPort=wish.internal.port,
        NewInternalClient=wish.internal.host,
        NewEnabled=True,
        NewPortMappingDescription=DESCRIPTION,
        NewLeaseDuration=lifetime_s,
    )


async def _call(service: UpnpService, name: str, **arguments: object) -> Mapping[str, Any]:
    """Call an action. Raises UnmappedError."""
    if not service.has_action(name):
        raise UnmappedError(f"the gateway has no {name}")
    try:
        return await service.async_call_action(name, **arguments)
    except UpnpActionError as error:
        raise _RefusedError(error) from error
    except (UpnpError, ParseError, ValueError) as error:
        raise UnmappedError(f"the gateway can't be understood ({error})") from error
