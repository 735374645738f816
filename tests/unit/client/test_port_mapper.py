"""When a gateway is asked, and asked again; hours of it, without waiting for them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from scout.nat.mapper import PortMapper, mapped
from scout.nat.ports import Gateway, PortMapping, UnmappedError, Wish
from shared.settings import Endpoint
from tests.support.virtual_time import VirtualTime

HOME = Endpoint("127.95.0.3", 6881)
EXTERNAL = Endpoint("11.22.33.44", 7000)
HOUR = 3600.0
PATIENCE = 20.0
"""Seconds by which a renewal may come after its time."""


@dataclass
class Scripted:
    """A way whose gateway does what the test says."""

    name: str
    time: VirtualTime
    answer: Callable[[Wish], PortMapping]
    asked: list[tuple[float, Wish]] = field(default_factory=list)
    given_back: list[Wish] = field(default_factory=list)

    async def map(self, wish: Wish) -> PortMapping:
        self.asked.append((self.time.clock.monotonic() - 1000, wish))
        return self.answer(wish)

    async def unmap(self, granted: Wish) -> None:
        self.given_back.append(granted)
        self.answer(granted)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.asked]


def grants(lifetime_s: int, external: Endpoint = EXTERNAL) -> Callable[[Wish], PortMapping]:
    return lambda _: PortMapping("A", external, lifetime_s)


def refuses(_wish: Wish) -> PortMapping:
    raise UnmappedError("not today")


def breaks(_wish: Wish) -> PortMapping:
    raise KeyError("what the library did not expect")


@asynccontextmanager
async def keeping(time: VirtualTime, *ways: Scripted) -> AsyncIterator[PortMapper]:
    mapper = PortMapper(HOME, lambda: Gateway(None), lambda _: ways, clock=time.clock, pause=time.pause)
    async with mapped(mapper):
        await time.pass_by(0, lambda: 1)
        yield mapper


async def test_a_mapping_is_renewed_at_half_its_time_and_given_back_at_the_end() -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(3600))
    async with keeping(time, way) as mapper:
        assert mapper.mapping == PortMapping("A", EXTERNAL, 3600)
        await time.pass_by(2 * HOUR - 1, lambda: 1)
        assert way.times == [0, 1800, 3600, 5400]
        # the port that we have is asked for from then on
        assert [wish.external_port for _, wish in way.asked] == [6881, 7000, 7000, 7000]
    assert way.given_back == [Wish(HOME, 7000, 7200)]
    assert mapper.mapping is None


@pytest.mark.parametrize(("granted", "renewed_after"), [(1, 30.0), (0, 3600.0), (2**32 - 1, 12 * HOUR)])
async def test_no_gateway_is_asked_all_the_time_or_never_again(granted: int, renewed_after: float) -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(granted))
    async with keeping(time, way):
        await time.pass_by(renewed_after + 1, lambda: 1)
        assert way.times == [0, renewed_after]


async def test_the_way_that_led_somewhere_is_the_first_the_next_time() -> None:
    time = VirtualTime()
    first, second = Scripted("A", time, refuses), Scripted("B", time, grants(7200))
    async with keeping(time, first, second):
        await time.pass_by(2.5 * HOUR, lambda: 1)
    assert (first.times, second.times) == ([0], [0, HOUR, 2 * HOUR])


async def test_after_failures_it_asks_ever_more_rarely_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    time = VirtualTime()
    way = Scripted("A", time, refuses)
    with caplog.at_level(logging.INFO):
        async with keeping(time, way) as mapper:
            await time.pass_by(HOUR, lambda: 1)
            assert way.times == [0, 60, 360, 2160]
            assert [vars(record)["reason"] for record in caplog.records] == ["A: not today"]
            way.answer = grants(7200)
            await time.pass_by(HOUR, lambda: 1)
            assert mapper.mapping is not None
            assert [record.getMessage() for record in caplog.records][1:] == ["the gateway maps a port to this node"]


async def test_a_renewal_that_fails_ends_the_mapping_for_the_caller_but_it_is_still_given_back() -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(7200))
    async with keeping(time, way) as mapper:
        way.answer = refuses
        await time.pass_by(HOUR + PATIENCE, lambda: 1)
        assert mapper.mapping is None
    assert way.given_back == [Wish(HOME, 7000, 7200)]


async def test_another_external_address_is_told(caplog: pytest.LogCaptureFixture) -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(7200))
    with caplog.at_level(logging.INFO):
        async with keeping(time, way):
            way.answer = grants(7200, Endpoint("100.64.0.9", 7000))
            await time.pass_by(HOUR + PATIENCE, lambda: 1)
    assert [record.getMessage() for record in caplog.records] == [
        "the gateway maps a port to this node",
        "the gateway maps a port to this node, but is behind another NAT itself",
    ]


async def test_what_nobody_expected_of_a_gateway_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    time = VirtualTime()
    broken, sound = Scripted("A", time, breaks), Scripted("B", time, grants(7200))
    async with keeping(time, broken, sound) as mapper:
        assert mapper.mapping is not None
        sound.answer = breaks
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_a_machine_that_slept_renews_as_soon_as_it_wakes() -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(7200))
    async with keeping(time, way):
        await time.pass_by(100, lambda: 1)
        time.clock.set_wall(time.clock.utc_ms() + 8 * 3_600_000)
        await time.pass_by(60, lambda: 1)
        assert len(way.asked) == 2


async def test_a_node_at_every_address_is_where_it_faces_the_gateway() -> None:
    time = VirtualTime()
    way = Scripted("A", time, grants(7200))
    everywhere, gateway = Endpoint("0.0.0.0", 6881), Gateway.at("127.95.0.1")
    mapper = PortMapper(everywhere, lambda: gateway, lambda _: [way], clock=time.clock, pause=time.pause)
    async with mapped(mapper):
        await time.pass_by(0, lambda: 1)
    ((_, wish),) = way.asked
    assert wish == Wish(Endpoint("127.0.0.1", 6881), 6881, 7200)
