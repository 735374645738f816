"""How much of a store each network has filled: what keeps one of them from having it all."""

from __future__ import annotations

UNLIMITED = b""
"""The network of what nobody put: of an earlier version's saved state."""


class Quotas:
    """Items and bytes by the network that put them; a network is `contact.prefix`, as bytes.

    Only networks that hold something are known, so there are never more of them than items.
    """

    def __init__(self, items_max: float, bytes_max: float) -> None:
        """The most that one network may have; one item always."""
        self._items_max = max(items_max, 1)
        self._bytes_max = bytes_max
        self._items: dict[bytes, int] = {}
        self._bytes: dict[bytes, int] = {}

    def admits(self, network: bytes, size: int) -> bool:
        """Whether the network may have one more item, of `size` bytes."""
        if network == UNLIMITED:
            return True
        items, held = self._items.get(network, 0), self._bytes.get(network, 0)
        return items + 1 <= self._items_max and held + size <= self._bytes_max

    def items(self, network: bytes) -> int:
        """Items that the network has."""
        return self._items.get(network, 0)

    def add(self, network: bytes, size: int) -> None:
        """The network has one item more."""
        self._items[network] = self._items.get(network, 0) + 1
        self._bytes[network] = self._bytes.get(network, 0) + size

    def remove(self, network: bytes, size: int) -> None:
        """The network has one item less; of one that has none nothing is remembered."""
        self._items[network] -= 1
        self._bytes[network] -= size
        if not self._items[network]:
            del self._items[network], self._bytes[network]
