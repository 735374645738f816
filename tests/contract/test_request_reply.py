from __future__ import annotations

import asyncio

import pytest

from shared import logs
from shared.bus.ports import Requester
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from tests.contract.conftest import CONCURRENCY, MAX_BACKLOG, Bus
from tests.support.bus import SAY, SHOUT, Said, Say, echo, echoing, within
from tests.support.waiting import wait_until


async def test_a_reply_comes_back_as_it_was_sent(bus: Bus) -> None:
    async with bus.requester() as requester, bus.serve(echoing()):
        reply = await requester.call(SAY, Say(text="grüß", data=bytes(range(256))), within(5))
    assert reply == Said(text="grüß", data=bytes(range(256)))


async def test_many_callers_get_each_their_own_reply(bus: Bus) -> None:
    async with bus.requester() as one, bus.requester() as other, bus.serve(echoing()):
        callers = [one, other] * (MAX_BACKLOG // 2)
        replies = await asyncio.gather(
            *(caller.call(SAY, Say(text=str(number)), within(5)) for number, caller in enumerate(callers))
        )
    assert [reply.text for reply in replies] == [str(number) for number in range(MAX_BACKLOG)]


async def test_tenant_trace_and_deadline_reach_the_handler(bus: Bus) -> None:
    seen: list[tuple[CallContext, str]] = []

    async def note(request: Say, context: CallContext) -> Said:
        seen.append((context, logs.trace_id.get()))
        return Said(text=request.text)

    context = within(5, tenant="acme", trace="t-1")
    async with bus.requester() as requester, bus.serve(echoing(note)):
        await requester.call(SAY, Say(text=""), context)
    assert seen == [(context, "t-1")]


async def test_an_error_of_the_handler_is_raised_at_the_caller(bus: Bus) -> None:
    async def refuse(_request: Say, _context: CallContext) -> Said:
        raise ScoutError(ErrorCode.RECORD_FULL, "expected 900 bytes, got 901", retry_after=2.5, facts={"budget": 900})

    async with bus.requester() as requester, bus.serve(echoing(refuse)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text=""), within(5))
    error = caught.value
    assert (error.code, error.detail) == (ErrorCode.RECORD_FULL, "expected 900 bytes, got 901")
    assert (error.retry_after, error.facts) == (2.5, {"budget": 900})


async def test_an_operation_nobody_knows_is_an_invalid_request_and_a_dead_letter(bus: Bus) -> None:
    async with bus.requester() as requester, bus.serve(echoing()):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SHOUT, Say(text=""), within(5))
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert dead_letters(bus, "unknown_operation") == 1


async def test_a_body_of_another_form_is_an_invalid_request_and_a_dead_letter(bus: Bus) -> None:
    async with bus.requester() as requester, bus.serve(echoing()):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text=5), within(5))  # type: ignore[arg-type]  # what a broken caller sends
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert dead_letters(bus, "undecodable") == 1


async def test_a_handler_that_fails_once_is_tried_again(bus: Bus) -> None:
    calls: list[str] = []

    async def stumble(request: Say, context: CallContext) -> Said:
        calls.append(request.text)
        if len(calls) == 1:
            raise ConnectionResetError
        return await echo(request, context)

    async with bus.requester() as requester, bus.serve(echoing(stumble)):
        reply = await requester.call(SAY, Say(text="again"), within(5))
    assert reply.text == "again"
    assert calls == ["again", "again"]


async def test_a_handler_that_always_fails_is_internal_at_once_and_a_dead_letter(bus: Bus) -> None:
    calls = 0

    async def fail(_request: Say, _context: CallContext) -> Said:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError

    async with bus.requester() as requester, bus.serve(echoing(fail)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text="secret text"), within(5))
    assert caught.value.code is ErrorCode.INTERNAL
    assert "secret text" not in caught.value.detail
    assert calls == 3
    assert dead_letters(bus, "failed") == 1


async def test_a_reply_that_can_not_be_encoded_is_a_failed_attempt(bus: Bus) -> None:
    async def confuse(_request: Say, _context: CallContext) -> Said:
        return Said(text="", data=object())  # type: ignore[arg-type]  # what a broken handler returns

    async with bus.requester() as requester, bus.serve(echoing(confuse)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text=""), within(5))
    assert caught.value.code is ErrorCode.INTERNAL
    assert dead_letters(bus, "failed") == 1


async def test_an_exception_passes_through_a_requester_as_it_is(bus: Bus) -> None:
    with pytest.raises(ZeroDivisionError):
        async with bus.requester():
            raise ZeroDivisionError


async def test_a_silent_handler_costs_its_caller_no_more_than_the_deadline(bus: Bus) -> None:
    ended = asyncio.Event()

    async def sleep(_request: Say, _context: CallContext) -> Said:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return Said(text="")

    async with bus.requester() as requester, bus.serve(echoing(sleep)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text=""), within(0.1))
        await wait_until(ended.is_set, "the handler was stopped as well")
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED


async def test_nobody_works_on_a_request_past_its_deadline(bus: Bus) -> None:
    calls: list[str] = []

    async def note(request: Say, context: CallContext) -> Said:
        calls.append(request.text)
        return await echo(request, context)

    async with bus.requester() as requester, bus.serve(echoing(note)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text="late"), within(-1))
        await requester.call(SAY, Say(text="in time"), within(5))
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert calls == ["in time"]


async def test_a_request_waits_for_its_service_to_start(bus: Bus) -> None:
    async with bus.requester() as requester, asyncio.TaskGroup() as tasks:
        early = tasks.create_task(requester.call(SAY, Say(text="early"), within(5)))
        await asyncio.sleep(0)
        async with bus.serve(echoing()):
            assert (await early).text == "early"


async def test_no_more_requests_are_in_hand_than_there_is_room_for(bus: Bus) -> None:
    gate = asyncio.Event()
    inside = most = 0

    async def queue(request: Say, context: CallContext) -> Said:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await gate.wait()
        inside -= 1
        return await echo(request, context)

    async with bus.requester() as requester, bus.serve(echoing(queue)), asyncio.TaskGroup() as tasks:
        for number in range(3 * CONCURRENCY):
            tasks.create_task(requester.call(SAY, Say(text=str(number)), within(5)))
        await wait_until(lambda: inside == CONCURRENCY, "every place is taken")
        gate.set()
    assert most == CONCURRENCY


async def test_over_the_backlog_limit_a_caller_is_refused_at_the_door(bus: Bus) -> None:
    async with bus.requester() as requester, asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(requester.call(SAY, Say(text=str(number)), within(5))) for number in range(MAX_BACKLOG)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text="one too many"), within(5))
        assert caught.value.code is ErrorCode.OVERLOADED
        assert caught.value.retry_after is not None
        async with bus.serve(echoing()):
            assert [(await call).text for call in waiting] == [str(number) for number in range(MAX_BACKLOG)]
            await wait_until(lambda: is_admitted(requester), "the door is open again")


async def test_a_caller_that_goes_away_leaves_the_others_in_peace(bus: Bus) -> None:
    gate = asyncio.Event()

    async def hold(request: Say, context: CallContext) -> Said:
        await gate.wait()
        return await echo(request, context)

    async with bus.requester() as requester, bus.serve(echoing(hold)), asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(requester.call(SAY, Say(text="gone"), within(5)))
        stays = tasks.create_task(requester.call(SAY, Say(text="stays"), within(5)))
        await asyncio.sleep(0.01)
        gone.cancel()
        gate.set()
        assert (await stays).text == "stays"
        await wait_until(
            lambda: sample(bus, "scout_bus_late_replies_total") == 1, "the reply that nobody wants is counted"
        )


async def test_zero_is_visible_from_the_start(bus: Bus) -> None:
    async with bus.serve(echoing()):
        assert dead_letters(bus, "failed") == 0
        assert sample(bus, "scout_bus_redelivered_total", group="echo") == 0
        assert sample(bus, "scout_bus_lag_messages", group="echo") == 0
        assert sample(bus, "scout_bus_handled_total", operation=SAY.name, outcome="ok") == 0


async def is_admitted(requester: Requester) -> bool:
    try:
        return (await requester.call(SAY, Say(text="and now"), within(5))).text == "and now"
    except ScoutError:
        return False


def dead_letters(bus: Bus, reason: str) -> float | None:
    return sample(bus, "scout_bus_dead_letters_total", group="echo", reason=reason)


def sample(bus: Bus, name: str, **labels: str) -> float | None:
    return bus.registry.get_sample_value(name, labels)
