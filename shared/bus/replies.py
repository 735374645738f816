"""A requester's own reply stream: made, kept alive, read and trimmed on one connection, in one write a turn."""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared.bus import streams
from shared.bus.redis_client import Backoff, Command, CommandError, Link, RedisDown
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, ReplyEnvelope, decode

log = logging.getLogger(__name__)

FIELD = "r"
"""The field of an entry that holds a batch of replies; entries without it only keep the stream alive."""

BEGINNING = b"0-0"


class ReplyReader:
    """Reads the stream `key` and hands on what comes, until it is cancelled."""

    def __init__(self, link: Link, key: str, clock: Clock) -> None:
        """Read on `link`, which becomes this reader's own."""
        self._link = link
        self._key = key
        self._clock = clock
        self._read = BEGINNING
        self._refreshed = float("-inf")

    def refresh(self) -> list[Command]:
        """Commands that make the stream if it is not there, and push its end of life away.

        In a transaction: a stream without a TTL must not stay behind when the process dies between the two.
        """
        return [
            ("MULTI",),
            ("XADD", self._key, "MAXLEN", "~", streams.REPLY_MAXLEN, "*", "alive", ""),
            ("PEXPIRE", self._key, streams.REPLY_TTL_MS),
            ("EXEC",),
        ]

    async def read_forever(self, settle: Callable[[list[ReplyEnvelope]], None]) -> None:
        """Call `settle` with every batch of replies, in order."""
        backoff = Backoff()
        while True:
            try:
                await self._turn(settle)
                backoff.reset()
            except RedisDown:
                # What was read has been trimmed, or comes again and is not waited for; ids of a server that
                # was replaced may begin lower than ours.
                self._read, self._refreshed = BEGINNING, float("-inf")
                await backoff.pause()
            except CommandError as refused:
                log.warning("reading replies was refused", extra={"reason": str(refused)})
                await backoff.pause()

    async def close(self) -> None:
        """Delete the stream and close the connection; when the server is away, the TTL does the first."""
        try:
            await self._link.command("DEL", self._key)
        except (RedisDown, CommandError):
            log.info("the reply stream is left to its TTL", extra={"key": self._key})
        finally:
            await self._link.close()

    async def _turn(self, settle: Callable[[list[ReplyEnvelope]], None]) -> None:
        commands: list[Command] = []
        if self._clock.monotonic() - self._refreshed >= streams.REPLY_REFRESH_S:
            commands = self.refresh()
            self._refreshed = self._clock.monotonic()
        commands.append(("XTRIM", self._key, "MINID", _after(self._read)))
        commands.append(("XREAD", "BLOCK", streams.REPLY_BLOCK_MS, "STREAMS", self._key, self._read))
        entries = (await self._link.pipeline(commands, block_ms=streams.REPLY_BLOCK_MS))[-1]
        if isinstance(entries, CommandError):
            raise entries
        for entry_id, fields in entries[0][1] if entries else ():
            self._read = entry_id
            if fields[0] == FIELD.encode():
                settle(_batch(fields[1]))


def _batch(data: bytes) -> list[ReplyEnvelope]:
    try:
        replies: list[ReplyEnvelope] = decode(list[ReplyEnvelope], data)
    except DecodeError as error:
        log.error("a batch of replies can't be read", extra={"reason": str(error)})  # noqa: TRY400  # a sender's fault
        return []
    return replies


def _after(entry_id: bytes) -> bytes:
    """The smallest id above `entry_id`."""
    milliseconds, _, number = entry_id.partition(b"-")
    return b"%b-%d" % (milliseconds, int(number) + 1)
