"""One question to a gateway by UDP, asked again until the answer fits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from scout.nat.ports import UnmappedError
from shared.settings import Endpoint

T = TypeVar("T")

WAITS = (0.25, 0.5, 1.0, 2.0)
"""Seconds after each sending: the beginning of RFC 6886's schedule, which goes on for a minute. RFC 6887 begins with
three seconds; a gateway one hop away that has not answered by then does not speak the protocol, and another is tried.
"""


async def ask(gateway: Endpoint, local: str, request: bytes, read: Callable[[bytes], T | None]) -> T:
    """Send `request` from the address `local`, and return what `read` makes of the first answer that fits.

    `read` gives None for what answers something else, and raises UnmappedError for a refusal. Raises UnmappedError.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, answers = await loop.create_datagram_endpoint(
            lambda: _Answers(read), local_addr=(local, 0), remote_addr=(gateway.host, gateway.port)
        )
    except OSError as error:
        raise UnmappedError(f"{gateway} can't be asked ({error.strerror or error})") from error
    try:
        for wait in WAITS:
            transport.sendto(request)
            done, _ = await asyncio.wait([answers.first], timeout=wait)
            if done:
                return answers.first.result()
    finally:
        answers.first.cancel()
        transport.close()
    raise UnmappedError(f"{gateway} does not answer")


class _Answers(asyncio.DatagramProtocol, Generic[T]):
    """Waits for the first answer that fits; the socket is connected, so only the gateway is heard."""

    def __init__(self, read: Callable[[bytes], T | None]) -> None:
        self._read = read
        self.first: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if self.first.done():
            return
        try:
            found = self._read(data)
        except UnmappedError as error:
            self.first.set_exception(error)
            return
        if found is not None:
            self.first.set_result(found)

    def error_received(self, error: Exception) -> None:
        """The gateway says that nobody listens there."""
        if not self.first.done():
            self.first.set_exception(UnmappedError(f"nobody listens there ({error})"))
