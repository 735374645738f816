"""Where the story plays, and what a test may want to know of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.settings import Endpoint


class DemoFailedError(Exception):
    """Something was not as the story tells it; the sentence says what was expected and what came."""


def check(condition: bool, sentence: str) -> None:
    """Raise DemoFailedError with `sentence` unless `condition` holds."""
    if not condition:
        raise DemoFailedError(sentence)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything in the story that nobody else may see, for a test to search for. It never leaves the process."""

    secrets: list[bytes] = field(default_factory=list, repr=False)
    plaintexts: list[bytes] = field(default_factory=list, repr=False)
    handles: list[str] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running stack: where its API is, and the DHT nodes that anybody can ask."""

    api_url: str
    dht_nodes: Sequence[Endpoint]
    entropy: Callable[[int], bytes]
    clock: Clock
    evidence: Evidence
