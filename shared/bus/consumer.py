"""The answering side over Redis streams.

One turn: is there room? Then claim what somebody abandoned, or read what is new, no more than there is room for; each
request runs in a task of its own and keeps its place until the server has acknowledged the answer. What is in hand is
renewed every second, so a request that nobody renews has lost its process, however long handlers may take.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from shared.bus.redis_client import Backoff, CommandError, Link, NotPermittedError, RedisClient, RedisDown
from shared.bus.room import Room
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
        self._room = Room(self.concurrency, self._in_hand)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then finish what is in hand, acknowledge it, and leave the group.

        Redis may be away at any time: it is waited for. Cancelled, it leaves what is in hand to be claimed by others.
        """
        async with contextlib.AsyncExitStack() as links:
            partitions = Partitions(self.service, self.name, self.clock, self.pace)
            intakes = [
                Intake(self._link(links), partitions, shards, self.clock, self.pace)
                for shards in self.redis.together(partitions.shards)
            ]
            writer = self._link(links)
            answers = Answers(writer, self.service, self._release)
            janitor = Janitor(writer, partitions, self.meters, self.pace)
            await janitor.arrive()
            async with asyncio.TaskGroup() as tasks:
                helpers = [
                    tasks.create_task(answers.send_forever(), name="bus consumer: answer"),
                    tasks.create_task(janitor.work_forever(self._in_hand), name="bus consumer: janitor"),
                    *(tasks.create_task(self._unblock(stop, one), name="bus consumer: stop") for one in intakes),
                ]
                async with asyncio.TaskGroup() as readers:
                    share = self._share(len(intakes))
                    for intake in intakes:
                        serving = self._serve(stop, intake, share, answers, tasks)
                        readers.create_task(serving, name="bus consumer: read")
                await janitor.hand_over()
                await self._drain()
                for helper in helpers:
                    helper.cancel()
            await janitor.leave()

    def _link(self, links: contextlib.AsyncExitStack) -> Link:
        link = self.redis.link()
        links.push_async_callback(link.close)
        return link

    def _share(self, readers: int) -> int:
        """What a reader among several may read while it waits: all of them together keep a quarter of the room."""
        return streams.BATCH_MAX if readers == 1 else max(self.concurrency // (4 * readers), 1)

    async def _serve(
        self, stop: asyncio.Event, intake: Intake, share: int, answers: Answers, tasks: asyncio.TaskGroup
    ) -> None:
        backoff = Backoff()
        while not stop.is_set():
            if not intake.reading:
                await asyncio.sleep(self.pace.renew_s)
                continue
            try:
                deliveries = await self._take(stop, intake, streams.BATCH_MAX if intake.busy else share)
                backoff.reset()
            except (RedisDown, CommandError) as error:
                intake.lost()
                level = logging.ERROR if isinstance(error, NotPermittedError) else logging.INFO
                log.log(level, "reading requests failed", extra={"group": self.service, "reason": str(error)})
                await backoff.pause()
                continue
            for delivery in deliveries:
                self._start(delivery, answers, tasks)

    async def _take(self, stop: asyncio.Event, intake: Intake, most: int) -> list[Delivery]:
        """At most `most`, as far as there is room; they are in hand from here on. Raises RedisDown, CommandError."""
        places = await self._room.take(most)
        try:
            # a place may have been long in coming
            deliveries = [] if stop.is_set() else await intake.take(places, self._in_hand)
            self._in_hand.update([delivery.ref for delivery in deliveries])
        finally:
            self._room.give_back(places)
        return deliveries

    def _start(self, delivery: Delivery, answers: Answers, tasks: asyncio.TaskGroup) -> None:
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
        self._room.changed()

    async def _drain(self) -> None:
        while self._in_hand:
            await self._room.change()

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
