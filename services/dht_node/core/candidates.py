"""What a lookup asks, whom it knows, what it ends with: the values that lookups and publications hand each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.dht_node.core.contact import Address
from services.dht_node.core.items import Found
from services.dht_node.core.messages import FindNode, Get, GetPeers


class Goal(NamedTuple):
    """What a lookup asks."""

    question: FindNode | GetPeers | Get
    salt: bytes = b""
    """Of a mutable item: nodes do not return it, and the target is the hash of key and salt."""

    @property
    def target(self) -> bytes:
        """The id that the lookup draws near, 20 bytes."""
        return self.question[0]


class Step(StrEnum):
    """How far one node has been dealt with."""

    KNOWN = "known"
    ASKED = "asked"
    SLOW = "slow"
    """Asked, and late; it may still answer."""
    ANSWERED = "answered"
    SILENT = "silent"
    FAILED = "failed"
    """Refused, or was caught lying."""


class Neighbourhood(NamedTuple):
    """The nodes that a lookup ended with, nearest first."""

    nodes: Sequence[Candidate]
    suspicious: bool
    """They lie too close together, or in too few networks: the target may be surrounded. All are to be written to."""


NOWHERE = Neighbourhood((), suspicious=False)


@dataclass(slots=True, eq=False)
class Candidate:
    """One node, as this lookup knows it."""

    id: bytes | None
    """None: only its address was known, until it answers."""
    address: Address
    distance: int
    hops: int
    step: Step = Step.KNOWN
    suspect: bool = False
    """It let its last query die: nobody waits for it."""
    token: bytes | None = None
    held: Found | None = None
    """What it held when it answered."""
    withheld: bool = False
    """It said that it holds a version, by its seq, and did not show it."""
