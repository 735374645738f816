"""Who was there of late, in bounded memory."""

from __future__ import annotations


class Recent:
    """Hosts noted within one to two ages; of too many the oldest half is forgotten. `now` is in monotonic seconds."""

    def __init__(self, limit: int, age: float) -> None:
        self._generation_max = max(limit // 2, 1)
        self._age = age
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._turns = 0.0
        """When the younger generation becomes the older."""

    def add(self, host: str, now: float) -> None:
        """Note a host."""
        self._turn(now)
        if host not in self._young and len(self._young) >= self._generation_max:
            self._old, self._young = self._young, set()
        self._young.add(host)

    def knows(self, host: str, now: float) -> bool:
        """Whether it was noted of late."""
        self._turn(now)
        return host in self._young or host in self._old

    def _turn(self, now: float) -> None:
        if now < self._turns:
            return
        overslept = now >= self._turns + self._age
        self._old = set() if overslept else self._young
        self._young = set()
        self._turns = now + self._age
