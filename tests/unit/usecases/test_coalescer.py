from __future__ import annotations

import asyncio

import pytest

from shared.errors import ErrorCode, ScoutError
from shared.usecases.coalescer import MAX_WAITING, Coalescer, Job

Jobs = list[Job[str, str]]


async def test_runs_of_one_key_follow_each_other_and_keys_run_side_by_side() -> None:
    running: set[str] = set()
    together = 0

    async def run(key: str, jobs: Jobs) -> None:
        nonlocal together
        assert key not in running
        running.add(key)
        together = max(together, len(running))
        await asyncio.sleep(0)
        running.remove(key)
        for job in jobs:
            job.succeed(f"{key}{job.work}")

    async with Coalescer(run, goes_first=lambda _: False) as coalescer:
        answers = await asyncio.gather(*(coalescer.submit(key, str(n), 5.0) for n in range(3) for key in "ab"))
    assert answers == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert together == 2


async def test_a_run_that_fails_answers_its_callers_and_the_next_one_runs() -> None:
    async def run(_key: str, jobs: Jobs) -> None:
        for job in jobs:
            if job.work == "bad":
                raise ScoutError(ErrorCode.NOT_STORED, "nobody took it")
            job.succeed("done")

    async with Coalescer(run, goes_first=lambda _: True) as coalescer:
        answers = await asyncio.gather(
            *(coalescer.submit("key", work, 5.0) for work in ("good", "bad", "good")), return_exceptions=True
        )
    assert [getattr(answer, "code", answer) for answer in answers] == ["done", ErrorCode.NOT_STORED, "done"]


async def test_a_job_that_a_run_forgets_is_answered_all_the_same() -> None:
    async def run(_key: str, _jobs: Jobs) -> None:
        return

    async with Coalescer(run, goes_first=lambda _: False) as coalescer:
        with pytest.raises(ScoutError) as error:
            await coalescer.submit("key", "work", 5.0)
    assert error.value.code is ErrorCode.INTERNAL


async def test_what_goes_first_is_never_behind_another_in_a_batch() -> None:
    batches: list[list[str]] = []

    async def run(_key: str, jobs: Jobs) -> None:
        batches.append([job.work for job in jobs])
        for job in jobs:
            job.succeed("done")

    async with Coalescer(run, goes_first=str.isupper) as coalescer:
        await asyncio.gather(*(coalescer.submit("key", work, 5.0) for work in "abCdEF"))
    assert batches == [["a", "b"], ["C", "d"], ["E"], ["F"]]


async def test_more_than_can_wait_are_refused() -> None:
    gate, started = asyncio.Event(), asyncio.Event()

    async def run(_key: str, jobs: Jobs) -> None:
        started.set()
        await gate.wait()
        for job in jobs:
            job.succeed("done")

    async with Coalescer(run, goes_first=lambda _: False) as coalescer, asyncio.TaskGroup() as callers:
        callers.create_task(coalescer.submit("key", "first", 5.0))
        await started.wait()
        for _ in range(MAX_WAITING):
            callers.create_task(coalescer.submit("key", "waiting", 5.0))
        await asyncio.sleep(0)
        with pytest.raises(ScoutError) as error:
            await coalescer.submit("key", "one too many", 5.0)
        gate.set()
    assert error.value.code is ErrorCode.OVERLOADED
    assert error.value.retry_after is not None


async def test_a_caller_waits_no_longer_than_it_said() -> None:
    gate = asyncio.Event()

    async def run(_key: str, jobs: Jobs) -> None:
        await gate.wait()
        for job in jobs:
            job.succeed("done")

    async with Coalescer(run, goes_first=lambda _: False) as coalescer:
        with pytest.raises(ScoutError) as error:
            await coalescer.submit("key", "work", 0.01)
        gate.set()
    assert error.value.code is ErrorCode.DEADLINE_EXCEEDED
