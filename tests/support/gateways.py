"""Gateways of home networks, as far as port mapping goes: PCP and NAT-PMP over UDP, UPnP over UDP and HTTP."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from xml.etree import ElementTree as ET

from aiohttp import web

from shared.settings import Endpoint

EXTERNAL = "11.22.33.44"
Answer = Callable[[bytes], bytes | None]
"""One datagram's answer; None: silence."""


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own transports of datagrams are no DatagramTransport by their class
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = self._answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, address)


@asynccontextmanager
async def answering(host: str, answer: Answer) -> AsyncIterator[Endpoint]:
    """A UDP socket at `host` that answers each datagram."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answering(answer), local_addr=(host, 0)
    )
    try:
        yield Endpoint(host, transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@dataclass
class ControlGateway:
    """A gateway that speaks PCP, NAT-PMP, or both, and knows its mappings: internal port -> external port."""

    versions: tuple[int, ...] = (2, 0)
    lifetime_s: int = 3600
    """What it grants at the most."""
    shift: int = 0
    """By how much external ports differ from those that were asked for."""
    lost: int = 0
    """How many requests it does not hear."""
    mappings: dict[int, int] = field(default_factory=dict)
    nonces: dict[int, bytes] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)

    def answer(self, data: bytes) -> bytes | None:
        """One datagram's answer."""
        self.requests.append(data)
        if len(self.requests) <= self.lost:
            return None
        if data[0] not in self.versions:
            return self._unsupported(data)
        return self._pcp(data) if data[0] == 2 else self._nat_pmp(data)

    def _unsupported(self, data: bytes) -> bytes:
        """RFC 6886, section 3.5, and RFC 6887, section 9."""
        if 0 in self.versions:
            return struct.pack("!BBHI", 0, 0x80 | data[1], 1, 77)
        return struct.pack("!BBxBII12x", 2, 0x80 | data[1], 1, 0, 77)

    def _pcp(self, data: bytes) -> bytes:
        lifetime = struct.unpack_from("!I", data, 4)[0]
        nonce, protocol, internal, external, address = struct.unpack_from("!12sB3xHH16s", data, 24)
        assert (protocol, address) == (17, _mapped("0.0.0.0"))
        assert lifetime or not external
        if self.nonces.get(internal, nonce) != nonce:
            return struct.pack("!BBxBII12x", 2, 0x81, 2, 60, 77) + data[24:60]
        granted = self._map(internal, external, lifetime)
        if lifetime:
            self.nonces[internal] = nonce
        else:
            self.nonces.pop(internal, None)
        given = self.mappings.get(internal, external)
        body = struct.pack("!12sB3xHH16s", nonce, 17, internal, given, _mapped(EXTERNAL))
        return struct.pack("!BBxBII12x", 2, 0x81, 0, granted, 77) + body

    def _nat_pmp(self, data: bytes) -> bytes:
        if data[1] == 0:
            return struct.pack("!BBHI", 0, 0x80, 0, 77) + socket.inet_aton(EXTERNAL)
        _, opcode, internal, external, lifetime = struct.unpack("!BBxxHHI", data)
        assert opcode == 1
        assert lifetime or not external
        granted = self._map(internal, external, lifetime)
        return struct.pack("!BBHIHHI", 0, 0x81, 0, 77, internal, self.mappings.get(internal, 0), granted)

    def _map(self, internal: int, external: int, lifetime: int) -> int:
        if lifetime == 0:
            self.mappings.pop(internal, None)
            return 0
        self.mappings.setdefault(internal, external + self.shift)
        return min(lifetime, self.lifetime_s)


def _mapped(host: str) -> bytes:
    return b"\x00" * 10 + b"\xff\xff" + socket.inet_aton(host)


@dataclass
class Igd:
    """A UPnP Internet Gateway Device."""

    permanent_only: bool = False
    taken: frozenset[int] = frozenset()
    """External ports that somebody else has."""
    redirects_to: str = ""
    """Where it sends those who ask for its description."""
    location: str = ""
    """Whose description it names in its answers to searches, if not its own."""
    actions_at: str = ""
    """Another address (`http://host:port`) for its service, named in its description."""
    mappings: dict[int, dict[str, str]] = field(default_factory=dict)
    """External port -> the arguments of `AddPortMapping`."""
    base: str = ""
    asked: list[str] = field(default_factory=list)
    """The paths of the HTTP requests."""

    def search(self, data: bytes) -> bytes | None:
        """The answer to an M-SEARCH."""
        wanted = b"urn:schemas-upnp-org:device:InternetGatewayDevice:1"
        if not data.startswith(b"M-SEARCH * HTTP/1.1") or wanted not in data:
            return None
        location = self.location or f"{self.base}/device.xml"
        lines = ["HTTP/1.1 200 OK", "EXT:", f"LOCATION: {location}", f"ST: {wanted.decode()}"]
        return "\r\n".join([*lines, f"USN: uuid:1::{wanted.decode()}", "", ""]).encode()

    async def description(self, request: web.Request) -> web.Response:
        """What the device has."""
        self.asked.append(request.path)
        if self.redirects_to:
            raise web.HTTPFound(self.redirects_to)
        text = _DESCRIPTION.replace("URL>/", f"URL>{self.actions_at}/")
        return web.Response(text=text, content_type="text/xml")

    async def actions(self, request: web.Request) -> web.Response:
        """What its service can do."""
        self.asked.append(request.path)
        return web.Response(text=_ACTIONS, content_type="text/xml")

    async def control(self, request: web.Request) -> web.Response:
        """One action (SOAP)."""
        self.asked.append(request.path)
        body = ET.fromstring(await request.text())
        call = next(iter(body[0]))
        arguments = {child.tag: child.text or "" for child in call}
        return self._act(call.tag.rpartition("}")[2], arguments)

    def _act(self, action: str, arguments: dict[str, str]) -> web.Response:
        if action == "GetExternalIPAddress":
            return _soap(action, f"<NewExternalIPAddress>{EXTERNAL}</NewExternalIPAddress>")
        port = int(arguments["NewExternalPort"])
        assert (arguments["NewProtocol"], arguments["NewRemoteHost"]) == ("UDP", "")
        if action == "DeletePortMapping":
            return _soap(action) if self.mappings.pop(port, None) else _fault(714, "NoSuchEntryInArray")
        if port in self.taken:
            return _fault(718, "ConflictInMappingEntry")
        if self.permanent_only and arguments["NewLeaseDuration"] != "0":
            return _fault(725, "OnlyPermanentLeasesSupported")
        self.mappings[port] = arguments
        return _soap(action)


@asynccontextmanager
async def running_igd(igd: Igd, host: str) -> AsyncIterator[Endpoint]:
    """Run a device at `host`; where it is searched for."""
    application = web.Application()
    application.add_routes(
        [web.get("/device.xml", igd.description), web.get("/wan.xml", igd.actions), web.post("/control", igd.control)]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        igd.base = f"http://{host}:{runner.addresses[0][1]}"
        async with answering(host, igd.search) as ssdp:
            yield ssdp
    finally:
        await runner.cleanup()


_TYPE = "urn:schemas-upnp-org:service:WANIPConnection:1"
_ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{}</s:Body></s:Envelope>'
)


def _soap(action: str, inner: str = "") -> web.Response:
    text = _ENVELOPE.format(f'<u:{action}Response xmlns:u="{_TYPE}">{inner}</u:{action}Response>')
    return web.Response(text=text, content_type="text/xml")


def _fault(code: int, description: str) -> web.Response:
    text = _ENVELOPE.format(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        f'<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
        f"<errorDescription>{description}</errorDescription></UPnPError></detail></s:Fault>"
    )
    return web.Response(text=text, status=500, content_type="text/xml")


def _device(kind: str, inner: str) -> str:
    return (
        f"<device><deviceType>urn:schemas-upnp-org:device:{kind}:1</deviceType><friendlyName>{kind}</friendlyName>"
        "<manufacturer>Scout's tests</manufacturer><modelName>1</modelName>"
        f"<UDN>uuid:{kind}</UDN>{inner}</device>"
    )


_DESCRIPTION = (
    '<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">'
    "<specVersion><major>1</major><minor>0</minor></specVersion>"
    + _device(
        "InternetGatewayDevice",
        "<deviceList>"
        + _device(
            "WANDevice",
            "<deviceList>"
            + _device(
                "WANConnectionDevice",
                f"<serviceList><service><serviceType>{_TYPE}</serviceType>"
                "<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/wan.xml</SCPDURL>"
                "<controlURL>/control</controlURL><eventSubURL>/events</eventSubURL></service></serviceList>",
            )
            + "</deviceList>",
        )
        + "</deviceList>",
    )
    + "</root>"
)

_MAPPING_ARGUMENTS = {"NewRemoteHost": "string", "NewExternalPort": "ui2", "NewProtocol": "string"}
_ADDING = {
    "NewInternalPort": "ui2",
    "NewInternalClient": "string",
    "NewEnabled": "boolean",
    "NewPortMappingDescription": "string",
    "NewLeaseDuration": "ui4",
}


def _action(name: str, arguments: dict[str, str], direction: str = "in") -> str:
    listed = "".join(
        f"<argument><name>{argument}</name><direction>{direction}</direction>"
        f"<relatedStateVariable>{argument[3:]}</relatedStateVariable></argument>"
        for argument in arguments
    )
    return f"<action><name>{name}</name><argumentList>{listed}</argumentList></action>"


_EXTERNAL_ADDRESS = {"NewExternalIPAddress": "string"}
_ACTIONS = (
    '<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0">'
    "<specVersion><major>1</major><minor>0</minor></specVersion><actionList>"
    + _action("AddPortMapping", _MAPPING_ARGUMENTS | _ADDING)
    + _action("DeletePortMapping", _MAPPING_ARGUMENTS)
    + _action("GetExternalIPAddress", _EXTERNAL_ADDRESS, "out")
    + "</actionList><serviceStateTable>"
    + "".join(
        f'<stateVariable sendEvents="no"><name>{name[3:]}</name><dataType>{kind}</dataType></stateVariable>'
        for name, kind in (_MAPPING_ARGUMENTS | _ADDING | _EXTERNAL_ADDRESS).items()
    )
    + "</serviceStateTable></scpd>"
)
