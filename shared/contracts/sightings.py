"""What a cluster has seen of mutable items, shared by all who watch them.

Between whoever watches and whoever remembers: a sighting holds what any node of the DHT shows to anybody, signed
values and never a key. Two implementations keep one contract suite (tests/contract): Redis, and a twin for one process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sighting:
    """What somebody saw of an item."""

    tag: bytes
    """Of exactly these versions: what tells a change from none. Never empty."""
    seq: int
    """The highest of their seqs; 0 when there was none. What is older does not take the place of what is newer."""
    copy: bytes
    """The versions themselves, for whoever asks; opaque here."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What there is of a sighting, as somebody looks at it."""

    tag: bytes
    """Empty when nobody has seen the item of late."""
    copy: bytes | None
    """None when there is none, or when it is the one that the asker knows."""
    age_ms: int
    """Since it was last seen so."""
    turn: bool
    """It is the asker's turn to look at the DHT, and for a while nobody else's: end it by `saw` or `put_off`."""


class Sightings(Protocol):
    """Sightings by target (20 bytes). Every call raises ScoutError (`bus_unavailable`)."""

    async def glance(self, target: bytes, *, known: bytes = b"", take_turn: bool = True) -> Glance:
        """What there is, unless its tag is `known`; with `take_turn` also whose turn it is to look again."""
        ...

    async def saw(self, target: bytes, sighting: Sighting) -> None:
        """What a look at the DHT showed; it ends the looker's turn."""
        ...

    async def wrote(self, target: bytes, sighting: Sighting) -> None:
        """What a write has put there; remembered only where somebody watches."""
        ...

    async def put_off(self, target: bytes) -> None:
        """A look came to nothing: somebody may try again a little later."""
        ...
