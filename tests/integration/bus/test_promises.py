"""The promises of docs/bus.md against the real server; the fifth (Redis away) has a file of its own."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from shared.bus import streams
from shared.bus.seal import Sealer
from shared.contracts.envelope import Envelope, decode, encode
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.settings import Secret
from tests.integration.bus.conftest import DEAD, PACE, REQUESTS, Rig
from tests.support.bus import SAY, Said, Say, echo, echoing, running, unbounded_keys, within
from tests.support.clock import ManualClock
from tests.support.replica import replica, says
from tests.support.waiting import wait_until


async def hang(_request: Say, _context: CallContext) -> Said:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def abandon(rig: Rig, times: int = 1) -> None:
    """Take whatever waits, as replicas that die with it in hand."""
    for number in range(times):
        taken = asyncio.Event()

        async def take(_request: Say, context: CallContext, taken: asyncio.Event = taken) -> Said:
            taken.set()
            return await hang(_request, context)

        dying = rig.consumer(echoing(take), name=f"dying-{number}")
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(dying.run(asyncio.Event()))
            await asyncio.wait_for(taken.wait(), 5)
            run.cancel()


# 1: at least once


async def test_promise_1_what_a_killed_replica_had_in_hand_is_answered_by_another(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        async with replica(rig.url, seconds=60) as process:
            call = tasks.create_task(requester.call(SAY, Say(text="survives"), within(10)))
            await says(process, "taken")
            process.kill()
            await process.wait()
        async with running(rig.consumer(echoing())):
            assert (await call).text == "survives"
    assert rig.sample("scout_bus_redelivered_total", group="echo") == 1


async def test_promise_1_abandoned_requests_come_before_new_ones(rig: Rig) -> None:
    order: list[str] = []

    async def note(request: Say, context: CallContext) -> Said:
        order.append(request.text)
        return await echo(request, context)

    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        tasks.create_task(requester.call(SAY, Say(text="abandoned"), within(10)))
        await abandon(rig)
        await asyncio.sleep(PACE.lease_ms / 1000)
        tasks.create_task(requester.call(SAY, Say(text="new"), within(10)))
        await wait_until(lambda: is_length(rig, REQUESTS, 2), "both are on the stream")
        async with running(rig.consumer(echoing(note), concurrency=1)):
            await wait_until(lambda: len(order) == 2, "both are handled")
    assert order == ["abandoned", "new"]


async def test_promise_1_a_slow_handler_in_a_living_replica_is_not_taken_over(rig: Rig) -> None:
    calls: list[str] = []

    async def slow(request: Say, context: CallContext) -> Said:
        calls.append(request.text)
        await asyncio.sleep(3 * PACE.lease_ms / 1000)
        return await echo(request, context)

    slow_one, other = rig.consumer(echoing(slow)), rig.consumer(echoing(slow))
    async with rig.requester() as requester, running(slow_one), running(other):
        await requester.call(SAY, Say(text="once"), within(10))
    assert calls == ["once"]


async def test_promise_1_what_was_handed_to_us_and_got_lost_on_the_way_is_fetched_again(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(requester.call(SAY, Say(text="lost on the way"), within(10)))
        await wait_until(lambda: is_length(rig, REQUESTS, 1), "the request is on the stream")
        await rig.ask("XGROUP", "CREATE", REQUESTS, "echo", "0")
        await rig.ask("XREADGROUP", "GROUP", "echo", "me", "COUNT", 1, "STREAMS", REQUESTS, ">")
        patient = streams.Pace(lease_ms=60_000)
        async with running(rig.consumer(echoing(), name="me", pace=patient)):
            assert (await call).text == "lost on the way"


# 2: deadlines


async def test_promise_2_a_request_past_its_deadline_is_answered_and_not_worked_on(rig: Rig) -> None:
    calls: list[str] = []

    async def note(request: Say, context: CallContext) -> Said:
        calls.append(request.text)
        return await echo(request, context)

    context = within(10)
    late = ManualClock(utc_ms=context.deadline_ms)
    async with rig.requester() as requester, running(rig.consumer(echoing(note), clock=late)):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text="late"), context)
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert calls == []
    assert rig.sample("scout_bus_handled_total", operation=SAY.name, outcome="deadline_exceeded") == 1


# 3: dead letters


async def test_promise_3_a_failing_request_becomes_a_dead_letter_with_its_reason(rig: Rig) -> None:
    async def fail(_request: Say, _context: CallContext) -> Said:
        raise ZeroDivisionError

    async with rig.requester() as requester, running(rig.consumer(echoing(fail))):
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text="x"), within(60))
        assert caught.value.code is ErrorCode.INTERNAL
    ((_, fields),) = await rig.ask("XRANGE", DEAD, "-", "+")
    letter = dict(zip(fields[::2], fields[1::2], strict=True))
    envelope: Envelope = decode(Envelope, letter[b"envelope"])
    assert (letter[b"reason"], envelope.operation) == (b"failed", SAY.name)
    assert rig.sample("scout_bus_dead_letters_total", group="echo", reason="failed") == 1
    assert await rig.ask("XLEN", REQUESTS) == 0


async def test_promise_3_a_request_that_kills_replica_after_replica_is_given_up(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(fails(requester.call(SAY, Say(text="poison"), within(20))))
        await abandon(rig, times=streams.MAX_ATTEMPTS)
        async with running(rig.consumer(echoing())):
            assert (await call).code is ErrorCode.INTERNAL
    assert rig.sample("scout_bus_dead_letters_total", group="echo", reason="abandoned") == 1


async def test_promise_3_rubbish_on_the_stream_is_a_dead_letter_and_does_not_come_again(rig: Rig) -> None:
    stranger = Envelope(b"i" * 16, SAY.name, "somewhere:else", 2**50, "", "", b"")
    await rig.ask("XADD", REQUESTS, "*", "e", b"\xff rubbish")
    await rig.ask("XADD", REQUESTS, "*", "some", "thing", "quite", "different")
    await rig.ask("XADD", REQUESTS, "*", "e", encode(stranger))
    async with running(rig.consumer(echoing())):
        await wait_until(lambda: is_length(rig, DEAD, 3), "all are dead letters")
        await wait_until(lambda: is_length(rig, REQUESTS, 0), "none is left")
    assert await rig.ask("EXISTS", "somewhere:else") == 0
    assert rig.sample("scout_bus_dead_letters_total", group="echo", reason="undecodable") == 3


async def test_promise_3_work_lost_by_deleting_a_pending_request_is_counted(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(fails(requester.call(SAY, Say(text="deleted"), within(1))))
        await abandon(rig)
        await rig.ask("XTRIM", REQUESTS, "MAXLEN", 0)
        async with running(rig.consumer(echoing())):
            await wait_until(
                lambda: rig.sample("scout_bus_dead_letters_total", group="echo", reason="lost") == 1,
                "the loss is counted",
            )
        assert (await call).code is ErrorCode.DEADLINE_EXCEEDED
    assert (await rig.ask("XPENDING", REQUESTS, "echo"))[0] == 0


# 4: bounded work


async def test_promise_4_a_consumer_takes_no_more_than_it_has_room_for(rig: Rig) -> None:
    gate = asyncio.Event()

    async def hold(request: Say, context: CallContext) -> Said:
        await gate.wait()
        return await echo(request, context)

    async with (
        rig.requester() as requester,
        running(rig.consumer(echoing(hold), concurrency=3)),
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(10):
            tasks.create_task(requester.call(SAY, Say(text=str(number)), within(10)))
        await wait_until(
            lambda: rig.sample("scout_bus_lag_messages", group="echo") == 7, "seven wait, as the meter says"
        )
        assert rig.sample("scout_bus_pending_messages", group="echo") == 3
        gate.set()
    assert rig.sample("scout_bus_handled_total", operation=SAY.name, outcome="ok") == 10


async def test_promise_4_a_requester_refuses_when_others_have_filled_the_stream(rig: Rig) -> None:
    for _ in range(5):
        await rig.ask("XADD", REQUESTS, "*", "e", "")
    async with rig.requester(max_backlog=5) as requester, asyncio.TaskGroup() as tasks:
        tasks.create_task(fails(requester.call(SAY, Say(text="measures"), within(0.2))))
        await wait_until(lambda: is_length(rig, REQUESTS, 6), "the first one is on the stream")
        refusal = await fails(requester.call(SAY, Say(text="refused"), within(5)))
    assert (refusal.code, refusal.retry_after) == (ErrorCode.OVERLOADED, streams.RETRY_AFTER_S)
    assert rig.sample("scout_bus_unanswered_total", group="echo", reason="overloaded") == 1
    await rig.ask("DEL", REQUESTS)


# 6: SIGTERM


async def test_promise_6_sigterm_finishes_what_is_in_hand_and_leaves_the_group(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks, replica(rig.url, seconds=0.3) as process:
        in_hand = tasks.create_task(requester.call(SAY, Say(text="in hand"), within(10)))
        await says(process, "taken")
        process.send_signal(signal.SIGTERM)
        left = tasks.create_task(requester.call(SAY, Say(text="for others"), within(10)))
        assert (await in_hand).text == "in hand"
        assert await process.wait() == 0
        assert await rig.ask("XINFO", "CONSUMERS", REQUESTS, "echo") == []
        assert await rig.ask("XLEN", REQUESTS) == 1
        async with running(rig.consumer(echoing())):
            assert (await left).text == "for others"


async def test_promise_6_a_consumer_with_something_pending_keeps_its_name(rig: Rig) -> None:
    async with rig.requester() as requester, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(requester.call(SAY, Say(text="pending"), within(10)))
        await abandon(rig)
        await rig.janitor("dying-0").leave()
        assert (await rig.ask("XPENDING", REQUESTS, "echo"))[0] == 1
        async with running(rig.consumer(echoing())):
            assert (await call).text == "pending"
        await rig.janitor("dying-0").leave()
    assert await rig.ask("XINFO", "CONSUMERS", REQUESTS, "echo") == []


# 7: nothing without an end


async def test_promise_7_the_fixture_finds_a_key_without_a_ttl(rig: Rig, redis_server: Any) -> None:
    with redis_server.client() as client:
        await rig.ask("SET", "scout:forgotten", "x")
        await rig.ask("SET", "scout:bounded", "x", "EX", 60)
        await rig.ask("XADD", REQUESTS, "*", "e", "")
        assert unbounded_keys(client) == ["scout:forgotten"]
    await rig.ask("DEL", "scout:forgotten")


async def test_promise_7_streams_are_empty_after_use_and_a_caller_leaves_none(rig: Rig) -> None:
    async with rig.requester() as requester, running(rig.consumer(echoing())):
        await asyncio.gather(*(requester.call(SAY, Say(text=str(n)), within(5)) for n in range(50)))
        (reply_stream,) = await rig.ask("KEYS", "scout:replies:*")
        assert 0 < await rig.ask("PTTL", reply_stream) <= streams.REPLY_TTL_MS
        await wait_until(lambda: is_length(rig, REQUESTS, 0), "requests are deleted")
        await wait_until(lambda: is_length(rig, reply_stream, 0), "replies are trimmed once they are read")
    assert await rig.ask("KEYS", "*") == [REQUESTS.encode()]


async def test_promise_7_an_answer_to_a_dead_caller_leaves_nothing(rig: Rig) -> None:
    gone = Envelope(b"i" * 16, SAY.name, streams.replies("gone"), 2**50, "", "", b"\x81\xa4text\xa1x")
    await rig.ask("XADD", REQUESTS, "*", "e", encode(gone))
    async with running(rig.consumer(echoing())):
        await wait_until(lambda: is_length(rig, REQUESTS, 0), "it is answered")
    assert await rig.ask("KEYS", "*") == [REQUESTS.encode()]
    assert rig.sample("scout_bus_handled_total", operation=SAY.name, outcome="ok") == 1


# 8: secrets


async def test_promise_8_the_broker_sees_no_word_of_a_sealed_body(rig: Rig, redis_server: Any) -> None:
    sealer = Sealer(Secret(b"k" * 32))
    secret = "correct horse battery staple"

    async def quarrel(request: Say, context: CallContext) -> Said:
        if request.data:
            raise ScoutError(ErrorCode.BAD_HANDLE, request.text, facts={"secret": request.text})
        return await echo(request, context)

    with redis_server.client() as client, client.monitor() as monitor:
        async with (
            rig.requester(sealers={"echo": sealer}) as requester,
            running(rig.consumer(echoing(quarrel), sealer=sealer)),
        ):
            assert (await requester.call(SAY, Say(text=secret), within(5))).text == secret
            refusal = await fails(requester.call(SAY, Say(text=secret, data=b"!"), within(5)))
            assert refusal.facts == {"secret": secret}
        await rig.ask("ECHO", "the end")
        seen: list[str] = []
        while not (seen and "the end" in seen[-1]):
            seen.append(monitor.next_command()["command"])
    assert any("XADD scout:{echo}:requests" in line for line in seen)
    assert any("XADD scout:replies:" in line for line in seen)
    assert not [line for line in seen if "horse" in line]


async def test_promise_8_another_bus_key_is_a_clear_error_on_both_sides(rig: Rig) -> None:
    ours, theirs = Sealer(Secret(b"k" * 32)), Sealer(Secret(b"j" * 32))
    async with (
        rig.requester(sealers={"echo": ours}) as requester,
        running(rig.consumer(echoing(), sealer=theirs)),
    ):
        refusal = await fails(requester.call(SAY, Say(text="x"), within(5)))
    assert refusal.code is ErrorCode.INTERNAL
    assert "bus key" in refusal.detail
    assert rig.sample("scout_bus_dead_letters_total", group="echo", reason="undecodable") == 1


async def is_length(rig: Rig, key: bytes | str, length: int) -> bool:
    found: int = await rig.ask("XLEN", key)
    return found == length


async def fails(call: Any) -> ScoutError:
    with pytest.raises(ScoutError) as caught:
        await call
    return caught.value
