"""What services and gateways know of the bus: they ask, or they answer.

Two implementations keep one contract suite (tests/contract): Redis streams, and an in-memory twin for one process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from shared.contracts.operation import CallContext, Operation, Reply, Request

Handler = Callable[[Any, CallContext], Awaitable[Any]]
"""Works on one request and returns its reply. It raises `ScoutError` for an answer that is an error.
It may be called again for a request that another replica began: it must be idempotent."""

Handlers = Mapping[Operation[Any, Any], Handler]


class Requester(Protocol):
    """The asking side."""

    async def call(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> Reply:
        """Ask for `operation` and wait for its reply, at the longest until `context.deadline_ms`.

        Raises ScoutError: what the handler raised, or `deadline_exceeded`, `overloaded`, `bus_unavailable`, `internal`.
        """
        ...


class KeyValue(Protocol):
    """A small shared memory with expiry: what the API remembers for an Idempotency-Key."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None when it was never set or has expired. Raises ScoutError (`bus_unavailable`)."""
        ...

    async def set(self, key: str, value: bytes, ttl_s: float, *, only_if_absent: bool = False) -> bool:
        """Remember `value` for `ttl_s` seconds; False when `only_if_absent` and there is one already.

        Raises ScoutError (`bus_unavailable`).
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget the value, if there is one. Raises ScoutError (`bus_unavailable`)."""
        ...
