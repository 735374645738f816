"""The answering side over Redis streams.

One turn: is there room? Then claim what somebody abandoned, or read what is new, no more than there is room for; each
request runs in a task of its own and keeps its place until the server has acknowledged the answer. What is in hand is
renewed every second, so a request that nobody renews has lost its process, however long handlers may take.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from dataclasses import KW_ONLY, dataclass, field

from shared.bus import streams
from shared.bus.answers import Answers, Finished
from shared.bus.execution import Executor
from shared.bus.intake import Delivery, Intake, Ref
from shared.bus.janitor import Janitor
from shared.bus.meters import BusMeters, DeadReason
from shared.bus.partitions import Partitions
from shared.bus.ports import Handlers
from shared.bus.redis_client import Backoff, CommandError, RedisClient, RedisDown
from shared.bus.seal import Sealer
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, Envelope, decode

log = logging.getLogger(__name__)


def consumer_name() -> str:
    """`host#pid#random`: says where a request is, and never comes twice."""
    return f"{socket.gethostname()}#{os.getpid()}#{secrets.token_hex(3)}"


@dataclass(eq=False)
class Consumer:
    """One replica of a service: reads its requests, answers them, drains when told to stop."""

    redis: RedisClient
    _: KW_ONLY
    service: str
    handlers: Handlers
    clock: Clock
    meters: BusMeters
    sealer: Sealer | None = None
    """With it, bodies must be sealed with its key, and replies are."""
    concurrency: int = 256
    """Requests in hand at once, from their reading to the acknowledgement of their answers."""
    max_attempts: int = streams.MAX_ATTEMPTS
    pace: streams.Pace = field(default_factory=streams.Pace)
    name: str = field(default_factory=consumer_name)

    def __post_init__(self) -> None:
        """Build the parts that need no connection."""
        self._executor = Executor(
            self.service,
            self.handlers,
            clock=self.clock,
            meters=self.meters,
            sealer=self.sealer,
            max_attempts=self.max_attempts,
        )
        self._in_hand: set[Ref] = set()
        self._released = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then finish what is in hand, acknowledge it, and leave the group.

        Redis may be away at any time: it is waited for. Cancelled, it leaves what is in hand to be claimed by others.
        """
        reader, writer = self.redis.link(), self.redis.link()
        partitions = Partitions(self.service, self.name, self.clock, self.pace)
        intake = Intake(reader, partitions, self.clock, self.pace)
        answers = Answers(writer, self.service, self._release)
        janitor = Janitor(writer, partitions, self.meters, self.pace)
        try:
            await janitor.arrive()
            async with asyncio.TaskGroup() as tasks:
                helpers = [
                    tasks.create_task(answers.send_forever(), name="bus consumer: answer"),
                    tasks.create_task(janitor.work_forever(self._in_hand), name="bus consumer: janitor"),
                    tasks.create_task(self._unblock(stop, intake), name="bus consumer: stop"),
                ]
                await self._serve(stop, intake, answers, tasks)
                await janitor.hand_over()
                await self._drain()
                for helper in helpers:
                    helper.cancel()
            await janitor.leave()
        finally:
            await reader.close()
            await writer.close()

    async def _serve(self, stop: asyncio.Event, intake: Intake, answers: Answers, tasks: asyncio.TaskGroup) -> None:
        backoff = Backoff()
        while not stop.is_set():
            room = self.concurrency - len(self._in_hand)
            if room <= 0:
                await self._wait_for_room()
                continue
            if intake.idle:
                await asyncio.sleep(self.pace.renew_s)
                continue
            try:
                deliveries = await intake.take(min(room, streams.BATCH_MAX), self._in_hand)
                backoff.reset()
            except (RedisDown, CommandError) as error:
                intake.lost()
                log.info("reading requests failed", extra={"group": self.service, "reason": str(error)})
                await backoff.pause()
                continue
            for delivery in deliveries:
                self._start(delivery, answers, tasks)

    def _start(self, delivery: Delivery, answers: Answers, tasks: asyncio.TaskGroup) -> None:
        self._in_hand.add(delivery.ref)
        if delivery.claimed:
            self.meters.redelivered.labels(self.service).inc()
        envelope = _envelope(delivery)
        if envelope is None:
            reason = DeadReason.LOST if delivery.envelope is None else DeadReason.UNDECODABLE
            self._executor.bury(reason)
            answers.add(Finished(delivery, dead=reason))
        else:
            tasks.create_task(self._handle(delivery, envelope, answers))

    async def _handle(self, delivery: Delivery, envelope: Envelope, answers: Answers) -> None:
        answer = await self._executor.answer(envelope, delivery.deliveries)
        answers.add(Finished(delivery, envelope.reply_to, answer.reply, answer.dead))

    def _release(self, batch: list[Finished]) -> None:
        for finished in batch:
            self._in_hand.discard(finished.delivery.ref)
        self._released.set()

    async def _wait_for_room(self) -> None:
        self._released.clear()
        await self._released.wait()

    async def _drain(self) -> None:
        while self._in_hand:
            await self._wait_for_room()

    async def _unblock(self, stop: asyncio.Event, intake: Intake) -> None:
        """End the read that waits in the server: cancelling it could lose requests already handed to us."""
        await stop.wait()
        try:
            await intake.unblock()
        except (RedisDown, CommandError) as error:
            log.info("the last read ends by itself", extra={"reason": str(error)})


def _envelope(delivery: Delivery) -> Envelope | None:
    """The envelope, or None when it is none, or wants its reply where no reply stream is."""
    try:
        envelope: Envelope = decode(Envelope, delivery.envelope or b"")
    except DecodeError:
        return None
    return envelope if envelope.reply_to.startswith(streams.REPLY_PREFIX) else None
