"""The way in for those who trust no server: a `BlindClient` for one service, which never gets a key."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Self

from scout.blind.relay import RelayDht
from scout.blind.watching import relay_eyes
from scout.client import DEFAULT_TIMEOUT, Client
from scout.local.client import LocalClient
from scout.transport import RetryPolicy, Surroundings
from shared.usecases.ports import Dht


class BlindClient(LocalClient):
    """A connection to a Scout service that only relays; use it as `async with scout.BlindClient(url) as client`.

    Its links have the interface of `scout.Link`, and do all cryptography here: the service sees sealed, signed values
    and when they are asked for. It needs the scope `relay` only.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """As `scout.Client`."""
        super().__init__(timeout=timeout, surroundings=surroundings)
        self._client = Client(url, api_key=api_key, timeout=timeout, retry=retry, surroundings=surroundings)

    async def __aenter__(self) -> Self:
        """Open the connection pool; nothing is sent yet."""
        client = await self._stack.enter_async_context(self._client)
        self._open_dht = RelayDht(client.transport)
        return self

    def _eyes(self) -> AbstractAsyncContextManager[Dht]:
        """By the service: it looks for all who watch."""
        return relay_eyes(self._client.transport)
