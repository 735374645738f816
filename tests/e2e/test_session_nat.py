"""A session behind a gateway that maps its port, by each protocol and by none. All of it on loopback."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import scout
from shared.settings import Endpoint
from tests.support.gateways import EXTERNAL, ControlGateway, Igd, answering, running_igd
from tests.support.ipv6 import needs_ipv6
from tests.support.ports import free_udp_port
from tests.support.waiting import wait_until

GATEWAY = "127.95.0.1"
HOME = "127.95.0.2"
WITHIN = 15.0


@pytest.fixture(autouse=True)
def nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """These sessions have no network around them."""
    monkeypatch.setattr("scout.session.JOIN_WITHIN", 0.0)


def nobody() -> Endpoint:
    return Endpoint(GATEWAY, free_udp_port(GATEWAY))


def said_by_us(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("scout.")]


@asynccontextmanager
async def at_home(
    control: Endpoint | None, ssdp: Endpoint | None = None, state: Path | None = None
) -> AsyncIterator[scout.Session]:
    gateway = scout.Gateway(control, ssdp or nobody())
    async with scout.Session(bootstrap=[], listen=f"{HOME}:0", state=state, port_mapping=gateway) as session:
        yield session


async def mapping_of(session: scout.Session) -> scout.PortMapping:
    await wait_until(lambda: session.mapping, "the gateway has mapped the port", WITHIN)
    assert session.mapping is not None
    return session.mapping


async def test_pcp(caplog: pytest.LogCaptureFixture) -> None:
    gateway = ControlGateway(shift=1)
    with caplog.at_level(logging.INFO, "scout"):
        async with answering(GATEWAY, gateway.answer) as control, at_home(control) as session:
            port = session.endpoint.port
            assert await mapping_of(session) == scout.PortMapping("PCP", Endpoint(EXTERNAL, port + 1), 3600)
            assert gateway.mappings == {port: port + 1}
    assert gateway.mappings == {}
    assert session.mapping is None
    (said,) = caplog.records
    assert said.getMessage() == "the gateway maps a port to this node"
    assert vars(said)["external"] == f"{EXTERNAL}:{port + 1}"


async def test_a_gateway_that_knows_nat_pmp_only_says_so_and_is_asked_by_that() -> None:
    gateway = ControlGateway(versions=(0,), lifetime_s=10_000)
    async with answering(GATEWAY, gateway.answer) as control, at_home(control) as session:
        port = session.endpoint.port
        assert await mapping_of(session) == scout.PortMapping("NAT-PMP", Endpoint(EXTERNAL, port), 7200)
        assert [request[0] for request in gateway.requests] == [2, 0, 0]
    assert gateway.mappings == {}


async def test_a_gateway_that_knows_pcp_only() -> None:
    gateway = ControlGateway(versions=(2,))
    async with answering(GATEWAY, gateway.answer) as control, at_home(control) as session:
        assert (await mapping_of(session)).protocol == "PCP"


async def test_a_lost_datagram_is_sent_again() -> None:
    gateway = ControlGateway(lost=1)
    async with answering(GATEWAY, gateway.answer) as control, at_home(control) as session:
        assert (await mapping_of(session)).protocol == "PCP"


async def test_upnp() -> None:
    igd = Igd()
    async with running_igd(igd, GATEWAY) as ssdp, at_home(None, ssdp) as session:
        port = session.endpoint.port
        assert await mapping_of(session) == scout.PortMapping("UPnP", Endpoint(EXTERNAL, port), 7200)
        assert igd.mappings[port] == {
            "NewRemoteHost": "",
            "NewExternalPort": str(port),
            "NewProtocol": "UDP",
            "NewInternalPort": str(port),
            "NewInternalClient": HOME,
            "NewEnabled": "1",
            "NewPortMappingDescription": "scout",
            "NewLeaseDuration": "7200",
        }
    assert igd.mappings == {}


async def test_upnp_where_mappings_are_for_ever_only_and_where_nobody_speaks_the_others() -> None:
    igd = Igd(permanent_only=True)
    async with running_igd(igd, GATEWAY) as ssdp, at_home(nobody(), ssdp) as session:
        assert (await mapping_of(session)).lifetime_s == 0
    assert igd.mappings == {}


async def test_upnp_where_somebody_else_has_the_port() -> None:
    port = free_udp_port(HOME)
    igd = Igd(taken=frozenset({port}))
    async with (
        running_igd(igd, GATEWAY) as ssdp,
        scout.Session(bootstrap=[], listen=f"{HOME}:{port}", port_mapping=scout.Gateway(None, ssdp)) as session,
    ):
        mapping = await mapping_of(session)
        assert mapping.external.port != port
        assert igd.mappings[mapping.external.port]["NewInternalPort"] == str(port)
    assert igd.mappings == {}


@pytest.mark.parametrize("how", ["location", "redirects_to", "actions_at"])
async def test_a_device_sends_nobody_to_another_host(
    how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scout.nat.upnp.SEARCH_S", 1)
    igd, other = Igd(), Igd()
    with caplog.at_level(logging.INFO, "scout"):
        async with running_igd(other, "127.95.0.9"), running_igd(igd, GATEWAY) as ssdp:
            setattr(igd, how, other.base if how == "actions_at" else f"{other.base}/device.xml")
            async with at_home(None, ssdp):
                await wait_until(lambda: said_by_us(caplog), "it is said that there is no mapping", WITHIN)
    (said,) = said_by_us(caplog)
    assert said.getMessage() == "no port could be mapped at the gateway"
    assert vars(said)["reason"].startswith("UPnP: ")
    assert other.asked == []


async def test_where_nobody_maps_ports_the_session_goes_on_without_and_says_why(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scout.nat.upnp.SEARCH_S", 1)
    with caplog.at_level(logging.INFO, "scout"):
        async with at_home(nobody()) as session:
            assert session.mapping is None
            await wait_until(lambda: caplog.records, "it is said that there is no mapping", WITHIN)
    (said,) = caplog.records
    assert said.getMessage() == "no port could be mapped at the gateway"
    assert [reason.partition(":")[0] for reason in vars(said)["reason"].split("; ")] == ["PCP", "NAT-PMP", "UPnP"]


@needs_ipv6
async def test_a_node_of_ipv6_has_no_nat_before_it(caplog: pytest.LogCaptureFixture) -> None:
    gateway = scout.Gateway(nobody(), nobody())
    with caplog.at_level(logging.INFO, "scout"):
        async with scout.Session(bootstrap=[], listen="[::1]:0", port_mapping=gateway) as session:
            assert session.mapping is None
    (said,) = caplog.records
    assert said.getMessage() == "no port is mapped, for the node speaks IPv6: no NAT translates that"


async def test_opening_and_closing_wait_for_no_gateway() -> None:
    async with answering(GATEWAY, lambda _: None) as control, at_home(control) as session:
        assert session.mapping is None


async def test_the_next_session_renews_the_mapping_that_a_crash_left_behind(tmp_path: Path) -> None:
    gateway = ControlGateway(versions=(2,))
    async with answering(GATEWAY, gateway.answer) as control:
        async with at_home(control, state=tmp_path) as session:
            first = await mapping_of(session)
        left_behind, nonces = gateway.requests[0], dict(gateway.nonces)
        gateway.answer(left_behind)
        assert gateway.nonces != nonces
        async with at_home(control, state=tmp_path) as session:
            assert (await mapping_of(session)).external == first.external


async def test_without_the_extra_it_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [
        name for name in sys.modules if name.startswith(("async_upnp_client", "scout.nat.ways", "scout.nat.upnp"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "async_upnp_client", None)
    with pytest.raises(scout.ClientError, match=r"pip install 'scout\[nat\]'"):
        async with scout.Session(bootstrap=[], listen=f"{HOME}:0", port_mapping=True):
            pass
    async with scout.Session(bootstrap=[], listen=f"{HOME}:0") as session:
        assert session.mapping is None
