"""What an operation is, and what travels with each call of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all requests and replies: immutable, by keyword, MessagePack on the bus."""

    def __repr__(self) -> str:
        """The type alone: some fields are secrets, and a repr ends up in logs and tracebacks."""
        return f"{type(self).__name__}(…)"


Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)


def nowhere(_request: Message) -> bytes:
    """The target of an operation that has none."""
    return b""


@dataclass(frozen=True, slots=True)
class Operation(Generic[Request, Reply]):
    """One thing that a service can be asked to do."""

    name: str
    """`service.verb@version`, as it stands in the envelope and in the metrics' `operation` label."""
    request: type[Request]
    reply: type[Reply]
    target: Callable[[Request], bytes] = nowhere
    """The 20-byte target that a request is about: requests about one target meet in one replica, where replicas share
    out targets."""

    @property
    def service(self) -> str:
        """The service that answers: the part of the name before the dot."""
        return self.name.partition(".")[0]


@dataclass(slots=True)
class Spending:
    """What calls for one request have cost so far, in DHT packets (queries sent)."""

    packets: int = 0


@dataclass(frozen=True, slots=True)
class CallContext:
    """For whom, until when, and as part of what a call is made."""

    deadline_ms: int
    """Wall clock, milliseconds since the Unix epoch; past it nobody works on the call any more."""
    tenant: str = "default"
    trace: str = ""
    """One id from the HTTP request to the log lines of every service it touched."""
    spending: Spending | None = field(default=None, compare=False)
    """Where the costs are counted; of this process, it does not travel."""

    def spend(self, packets: int) -> None:
        """Count the packets that a call has cost."""
        if self.spending is not None:
            self.spending.packets += packets
