"""What the storing nodes of a DHT get to see, as an observer of all would note it down; and how he might look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from services.dht_node.core.messages import Item
from services.dht_node.core.storage import ItemStore

CHI_SQUARE_MAX = 400.0
"""With 255 degrees of freedom the mean is 255 and the deviation 22.6; fair dice get above 400 once in fifty million
times."""
WINDOW = 8
"""Bytes that no two places of random texts share: with 200,000 windows once in a billion times."""


class Seen(NamedTuple):
    """One version of an item that a node has taken."""

    target: bytes
    item: Item


@contextmanager
def witness() -> Iterator[set[Seen]]:
    """Every version that any node of this process takes while the block runs."""
    taken: set[Seen] = set()
    put: Callable[..., bool] = ItemStore.put

    def noted(store: ItemStore, target: bytes, item: Item, now: float, network: bytes) -> bool:
        stored = put(store, target, item, now, network)
        if stored:
            taken.add(Seen(target, item))
        return stored

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ItemStore, "put", noted)
        yield taken


def chi_square(texts: Iterable[bytes]) -> float:
    """How far the bytes of `texts` are from being spread evenly over all 256 values."""
    counts = Counter(b"".join(texts))
    expected = counts.total() / 256
    return sum((counts[byte] - expected) ** 2 / expected for byte in range(256))


def chi_square_between(one: Iterable[bytes], other: Iterable[bytes]) -> float:
    """How far the bytes of two lots of texts are from being drawn of one and the same lot (homogeneity)."""
    left, right = Counter(b"".join(one)), Counter(b"".join(other))
    share = left.total() / (left.total() + right.total())
    total = 0.0
    for byte in range(256):
        both = left[byte] + right[byte]
        if both:
            total += (left[byte] - both * share) ** 2 / (both * share * (1 - share))
    return total


def fixed_places(texts: Sequence[bytes]) -> list[int]:
    """Places at which more than a quarter of the texts have the same byte."""
    shortest = min(map(len, texts))
    columns = (Counter(text[place] for text in texts) for place in range(shortest))
    return [place for place, column in enumerate(columns) if max(column.values()) > len(texts) / 4]


def repeated_windows(texts: Iterable[bytes]) -> list[bytes]:
    """Strings of `WINDOW` bytes that stand at more than one place of all texts."""
    counts = Counter(text[at : at + WINDOW] for text in texts for at in range(len(text) - WINDOW + 1))
    return [window for window, count in counts.items() if count > 1]
