"""A master that Sentinels know: asked for at each connection, and believed only when the server says so itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from shared.bus import streams
from shared.bus.redis_connection import CommandError, RedisConnection, RedisDown
from shared.bus.redis_settings import RedisSettings
from shared.settings import Endpoint


class Sentinels:
    """Finds the master and connects to it."""

    def __init__(self, settings: RedisSettings) -> None:
        """Ask the Sentinels in the order of the settings, but first the one that knew last time."""
        self._settings = settings
        self._endpoints = list(settings.endpoints)

    async def dial(self) -> RedisConnection:
        """A connection to a server that is master now. Raises RedisDown."""
        problems: defaultdict[str, list[str]] = defaultdict(list)
        for sentinel in tuple(self._endpoints):
            try:
                async with asyncio.timeout(streams.CONNECT_S):
                    connection = await self._master(await self._ask(sentinel))
            except (RedisDown, TimeoutError) as error:
                problems[str(error) or "no answer in time"].append(str(sentinel))
                continue
            self._endpoints.remove(sentinel)
            self._endpoints.insert(0, sentinel)
            return connection
        told = "; ".join(f"{', '.join(sentinels)}: {problem}" for problem, sentinels in problems.items())
        raise RedisDown(f"no master from any Sentinel ({told})")

    async def _ask(self, sentinel: Endpoint) -> Endpoint:
        settings = self._settings
        connection = await RedisConnection.open(settings, sentinel, login=settings.sentinel_login)
        try:
            (answer,) = await connection.exchange([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings.master)])
        finally:
            await connection.close(wait=False)
        if isinstance(answer, CommandError):
            raise RedisDown(f"it does not speak as a Sentinel: {answer}")
        if answer is None:
            raise RedisDown(f"it knows no master named {settings.master!r}")
        host, port = answer
        return Endpoint(host.decode(), int(port))

    async def _master(self, at: Endpoint) -> RedisConnection:
        """Sentinels may lag behind: a server that says that it is a replica is not written to."""
        connection = await RedisConnection.open(self._settings, at, db=self._settings.db)
        try:
            (role,) = await connection.exchange([("ROLE",)])
            _check_role(role, at)
        except BaseException:
            await connection.close(wait=False)
            raise
        return connection


def _check_role(role: Any, at: Endpoint) -> None:
    if isinstance(role, CommandError):
        raise RedisDown(str(role))
    if role[0] != b"master":
        raise RedisDown(f"expected the master at {at}, got a {role[0].decode()}")
