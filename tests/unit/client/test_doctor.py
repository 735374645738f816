"""What the doctor concludes from what it saw."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from scout import ScoutApiError
from scout.answers import DhtStatus
from scout.doctor import Verdict, examine, network, service
from scout.doctor.probe import Address, probing
from scout.transport import Surroundings
from shared.clock import SystemClock
from shared.json_bytes import Hex
from shared.settings import Endpoint
from tests.support.scripted_api import Reply, problem, scripted_api

PUBLIC = "198.51.100.9"
STATUS = {"node_id": "ab" * 20, "ready": True, "good_contacts": 12, "answer_ratio": 0.7}


@pytest.mark.parametrize(
    ("seen", "verdict", "said"),
    [
        ([(PUBLIC, 7000), (PUBLIC, 7000)], Verdict.OK, "survives"),
        ([(PUBLIC, 4242), (PUBLIC, 4242)], Verdict.WARNING, "seen at 4242"),
        ([(PUBLIC, 4242), (PUBLIC, 4243)], Verdict.WARNING, "for each destination"),
        ([], Verdict.WARNING, "no node said"),
    ],
)
def test_the_source_port(seen: Sequence[Address], verdict: Verdict, said: str) -> None:
    finding = network.port(7000, seen)
    assert finding.verdict is verdict
    assert said in finding.said
    assert bool(finding.advice) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("host", "verdict", "said"),
    [
        ("34.90.1.2", Verdict.WARNING, "34.0.0.0/8"),
        ("3.120.1.2", Verdict.WARNING, "3.0.0.0/8"),
        ("51.15.1.2", Verdict.OK, "nobody is known to ignore"),
        ("127.0.0.1", Verdict.OK, "private DHT"),
    ],
)
def test_the_network(host: str, verdict: Verdict, said: str) -> None:
    finding = network.network([(host, 1), (host, 2), (PUBLIC, 3)])
    assert (finding.verdict, said in finding.said) == (verdict, True)


@pytest.mark.parametrize(
    ("pinged", "answered", "verdict"),
    [(24, 16, Verdict.OK), (24, 6, Verdict.WARNING), (24, 1, Verdict.FAILED), (0, 0, Verdict.WARNING)],
)
def test_the_share_of_nodes_that_answer(pinged: int, answered: int, verdict: Verdict) -> None:
    assert network.share(pinged, answered).verdict is verdict


@pytest.mark.parametrize(
    ("date", "verdict"),
    [
        (1000.0, Verdict.OK),
        (998.0, Verdict.OK),
        (995.0, Verdict.WARNING),
        (1006.0, Verdict.WARNING),
        (900.0, Verdict.FAILED),
        (None, Verdict.WARNING),
    ],
)
def test_clocks(date: float | None, verdict: Verdict) -> None:
    assert service.clocks(date, 1000.4, 1000.6).verdict is verdict


@pytest.mark.parametrize(
    ("code", "check"), [("bus_unavailable", "redis"), ("deadline_exceeded", "dht node"), ("http_502", "redis")]
)
def test_what_a_refusal_says_about_the_bus(code: str, check: str) -> None:
    finding = service.refused(ScoutApiError(code, "in words", status=503))
    assert (finding.check, finding.verdict) == (check, Verdict.FAILED)


def test_what_a_refusal_says_about_the_api_key() -> None:
    wanted = service.refused(ScoutApiError("unauthorized", "Expected an API key.", status=401))
    assert (wanted.check, wanted.verdict) == ("api key", Verdict.FAILED)
    narrow = service.refused(ScoutApiError("forbidden_scope", "in words", status=403))
    assert narrow.verdict is Verdict.WARNING, "all that was to be examined may be well"


def test_a_node_that_is_not_ready() -> None:
    status = DhtStatus(node_id=Hex(bytes(20)), ready=False)
    assert service.node(status).verdict is Verdict.FAILED


async def test_redis_away_is_told_from_a_service_that_is_away() -> None:
    async with scripted_api(Reply(200, {}), problem(503, "bus_unavailable", "Redis is away.")) as api:
        found = await service.examine_service(api.url, None, Surroundings())
    assert [(finding.check, finding.verdict.value) for finding in found] == [
        ("service", "ok"),
        ("clocks", "ok"),
        ("redis", "failed"),
    ]


async def test_a_clock_that_is_off_is_found_through_http() -> None:
    class SlowClock(SystemClock):
        def utc_ms(self) -> int:
            return super().utc_ms() - 60_000

    async with scripted_api(Reply(200, {}), Reply(200, STATUS)) as api:
        found = await service.examine_service(api.url, None, replace(Surroundings(), clock=SlowClock()))
    assert {finding.check: finding.verdict.value for finding in found} == {
        "service": "ok",
        "clocks": "failed",
        "redis": "ok",
        "dht node": "ok",
    }


async def test_an_address_that_is_none_is_a_finding_and_no_traceback() -> None:
    found = await examine("nonsense", [Endpoint("x" * 300, 1)])
    assert {finding.check: finding.verdict.value for finding in found}["service"] == "failed"
    assert {finding.check: finding.verdict.value for finding in found}["udp"] == "failed"


async def test_rubbish_that_arrives_is_nobodys_answer() -> None:
    async with probing(Surroundings(entropy=random.Random(1).randbytes)) as prober:
        for data in (b"", b"rubbish", b"i1e", b"le", b"d1:t4:aaaa1:y1:re", b"d1:rd2:id0:e1:t4:aaaa1:y1:re"):
            prober.datagram_received(data, ("127.0.0.1", 1))
        assert prober.port > 0
