"""A real HTTP server on loopback that answers as it was told to, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from scout import Surroundings
from shared.http import listening
from shared.settings import Endpoint


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """One answer to give; `drop` closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass
class ScriptedApi:
    """Gives `replies` in turn, whatever is asked; `url` is where it listens."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), body))
        reply = self.replies.pop(0)
        if reply.drop:
            assert request.transport is not None
            request.transport.close()
        if isinstance(reply.body, str):
            return web.Response(status=reply.status, text=reply.body, headers=reply.headers)
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)


def problem(status: int, code: str, detail: str = "in words", **members: Any) -> Reply:
    """An error as the API renders it."""
    retry_after = members.pop("retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return Reply(status, {"type": "about:blank", "status": status, "code": code, "detail": detail, **members}, headers)


@asynccontextmanager
async def scripted_api(*replies: Reply) -> AsyncIterator[ScriptedApi]:
    """Serve `replies`, in turn, on a free loopback port."""
    api = ScriptedApi(list(replies))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with listening(web.AppRunner(app), Endpoint("127.0.0.1", 0)) as bound:
        api.url = f"http://{bound}"
        yield api


@dataclass
class VirtualTime:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def utc_ms(self) -> int:
        return int(self.now * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def surroundings(time: VirtualTime, entropy: Callable[[int], bytes] = bytes) -> Surroundings:
    """A client's surroundings in virtual time; `entropy` gives zeros unless told otherwise."""
    return Surroundings(clock=time, entropy=entropy, sleep=time.sleep)
