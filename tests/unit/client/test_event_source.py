"""The SDK's end of a stream: what it makes of bytes, and how it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

import scout
from scout.event_source import EventSource, Received
from scout.transport import Call, Surroundings
from shared.http import listening
from shared.settings import Endpoint
from tests.support.clock import ManualClock


def event(id_: str, data: str = "{}", name: str = "record") -> bytes:
    return f"event: {name}\nid: {id_}\ndata: {data}\n\n".encode()


@dataclass
class Service:
    """Answers each request with the next of `answers`: bytes of a stream, or the status of a refusal."""

    answers: Sequence[bytes | int]
    url: str = ""
    asked_after: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        said = self.answers[min(len(self.asked_after), len(self.answers) - 1)]
        self.asked_after.append(request.headers.get("Last-Event-ID"))
        if isinstance(said, int):
            return web.json_response({"code": "overloaded", "detail": "no room"}, status=said)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(said)
        return response


@asynccontextmanager
async def serving(*answers: bytes | int) -> AsyncIterator[Service]:
    app, service = web.Application(), Service(answers)
    app.router.add_get("/v1/events", service.answer)
    async with listening(web.AppRunner(app), Endpoint("127.0.0.1", 0)) as bound:
        service.url = f"http://{bound}"
        yield service


async def received(service: Service, number: int, after: str | None = None) -> list[Received]:
    clock = ManualClock()

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    async with (
        scout.Client(service.url, surroundings=Surroundings(clock=clock, sleep=sleep)) as client,
        aclosing(EventSource(client.transport, Call("GET", "/v1/events"), after).events()) as events,
    ):
        return [await anext(events) for _ in range(number)]


async def test_it_goes_on_behind_the_last_event_whenever_a_stream_ends() -> None:
    async with serving(event("1") + event("2"), event("3"), 503, 503, 503, 503, 503, 503, event("4")) as service:
        assert [one.id for one in await received(service, 4)] == ["1", "2", "3", "4"]
    assert service.asked_after[:3] == [None, "2", "3"]
    assert len(service.asked_after) == 9, "a refusal in the middle is no end, however often"


async def test_the_first_request_goes_on_from_where_it_is_told_to() -> None:
    async with serving(event("8")) as service:
        await received(service, 1, after="7")
    assert service.asked_after == ["7"]


async def test_comments_and_what_is_cut_off_are_no_events() -> None:
    stream = (
        b"retry: 2000\n\n:\n\n: trying again: dht_unavailable\n\n" + event("1", '{"a": 1}') + b"event: record\nid: 2"
    )
    async with serving(stream, event("3")) as service:
        first, second = await received(service, 2)
    assert (first.name, first.id, first.answer.body, second.id) == ("record", "1", b'{"a": 1}', "3")
    assert service.asked_after == [None, "1"]


@pytest.mark.parametrize(("status", "requests"), [(403, 1), (503, 4)])
async def test_a_refusal_before_anything_came_is_an_error(status: int, requests: int) -> None:
    async with serving(status) as service:
        with pytest.raises(scout.ScoutApiError):
            await received(service, 1)
    assert len(service.asked_after) == requests


async def test_something_else_at_the_address_is_said() -> None:
    async with serving(b"x" * 1_000_000) as service:
        with pytest.raises(scout.ScoutApiError) as caught:
            await received(service, 1)
    assert caught.value.code == "unexpected_answer"


async def test_events_of_a_later_version_are_passed_over() -> None:
    message = '{"member":1,"number":1,"target":"%s","body":"aGk","sealed":true}' % ("0" * 40)
    async with (
        serving(event("1", name="weather") + event("2", message, "message")) as service,
        scout.Client(service.url) as client,
        aclosing(client.link("AQAA").watch()) as events,
    ):
        told = await anext(events)
    assert isinstance(told, scout.MessageArrived)
    assert (told.id, bytes(told.message.body)) == ("2", b"hi")
