"""Requests and replies between two processes of one user on one machine, by a socket in a directory of that user's.

Each request has a connection of its own. A frame is its length (four bytes, big-endian) and the MessagePack of an
envelope, or of a list with one reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.bus.execution import Executor
from shared.bus.meters import BusMeters
from shared.bus.ports import Handlers
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, Envelope, ReplyEnvelope, answered, asking, decode, encode
from shared.contracts.operation import CallContext, Operation, Reply, Request
from shared.errors import ErrorCode, ScoutError
from shared.private_files import OWNER_ONLY

MAX_FRAME = 4 * 2**20
"""Bytes: a hundred times the largest request, a record sealed for a month ahead."""

_LENGTH = 4
_ID_SIZE = 16


@contextlib.asynccontextmanager
async def served(path: Path, service: str, handlers: Handlers, clock: Clock) -> AsyncIterator[None]:
    """Answer the requests to `service` at a socket until the block ends; one that was left there is replaced.

    Raises OSError: no socket can be made there, or its path is too long for one.
    """
    executor = Executor(service, handlers, clock=clock, meters=BusMeters.build(CollectorRegistry()))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # whoever sends nonsense, or leaves, gets no answer
        with contextlib.suppress(OSError, EOFError, DecodeError):
            done = await executor.answer(decode(Envelope, await _read(reader)))
            await _write(writer, encode([done.reply]))
        writer.close()

    server = await asyncio.start_unix_server(answer, sock=_bound(path))
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(OWNER_ONLY)
    except OSError:
        listening.close()
        raise
    return listening


def in_use(path: Path) -> bool:
    """Whether somebody answers at a socket. It waits for nothing: whoever listens is there at once."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
    except (OSError, AttributeError):  # Windows has no such sockets
        return False
    return True


class SocketRequester:
    """Implements `ports.Requester` by a socket that another process serves."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Ask at `path`."""
        self._path = path
        self._clock = clock

    async def call(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> Reply:
        """Ask for `operation`; see `ports.Requester`."""
        envelope = asking(os.urandom(_ID_SIZE), operation, request, context)
        try:
            async with asyncio.timeout((context.deadline_ms - self._clock.utc_ms()) / 1000):
                (reply,) = decode(list[ReplyEnvelope], await self._exchange(encode(envelope)))
            return answered(operation, reply.body, ok=reply.ok)
        except TimeoutError:
            detail = f"{operation.service} did not answer before the deadline"
            raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, detail) from None
        except (OSError, EOFError):
            detail = f"expected an answer at {self._path}, and whoever gave them is gone"
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, detail) from None
        except (DecodeError, ValueError) as error:
            raise ScoutError(ErrorCode.INTERNAL, f"the reply to {operation.name} can't be read: {error}") from None

    async def _exchange(self, frame: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            await _write(writer, frame)
            return await _read(reader)
        finally:
            writer.close()


async def _write(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(len(frame).to_bytes(_LENGTH) + frame)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """A frame. Raises EOFError for one that is cut short or too long, OSError."""
    size = int.from_bytes(await reader.readexactly(_LENGTH))
    if size > MAX_FRAME:
        raise EOFError(f"expected at most {MAX_FRAME} bytes, got {size}")
    return await reader.readexactly(size)
