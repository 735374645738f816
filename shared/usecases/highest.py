"""What has been seen of records: who is shown less later is shown an older state, by accident or on purpose.

An old version is validly signed and sealed, and in scout2 an address lives for a day: whoever remembers seqs by address
forgets with it. The stamps of entries go on from epoch to epoch, and a merge never takes one back. So an entry that has
not run out, and is missing or older than it was, was in a version that is lost or kept back.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from shared.usecases.formats.ports import Entries

MAX_STAMPS = 50_000
"""Entries remembered in one process, of all records together: 12 MB where a record has five, 27 MB where it has one."""

_KEY_SIZE = 16

Stamps = dict[int, tuple[int, int]]
"""Entry id -> its seq, and when it runs out (Unix milliseconds)."""


class HighestStamps:
    """The newest stamp seen of each entry, by link; of too many the links longest not looked at are forgotten.

    It holds neither handles nor values. It ends with its process.
    """

    def __init__(self, limit: int = MAX_STAMPS) -> None:
        """Remember `limit` stamps at the most."""
        self._limit = limit
        self._records: OrderedDict[bytes, Stamps] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def see(self, link: str, versions: Iterable[Entries], now_ms: int) -> bool:
        """Remember the entries of what was found; False when some that count still have been seen newer before."""
        found = _newest(versions)
        held = self._take(link)
        counting = {entry_id: stamp for entry_id, stamp in held.items() if stamp[1] > now_ms}
        newer = {entry_id: stamp for entry_id, stamp in counting.items() if stamp > found.get(entry_id, (-1, 0))}
        self._put(link, found | newer)
        return all(entry_id in found and found[entry_id][0] >= newer[entry_id][0] for entry_id in newer)

    def wrote(self, link: str, entries: Entries) -> None:
        """What was written is the state from now on, whatever had been seen before: its writer has been told."""
        self._take(link)
        self._put(link, _newest([entries]))

    def _take(self, link: str) -> Mapping[int, tuple[int, int]]:
        held = self._records.pop(_key(link), {})
        self._count -= len(held)
        return held

    def _put(self, link: str, stamps: Stamps) -> None:
        if stamps:
            self._records[_key(link)] = stamps
            self._count += len(stamps)
        while self._count > self._limit:
            _, forgotten = self._records.popitem(last=False)
            self._count -= len(forgotten)


def _key(link: str) -> bytes:
    """A handle is as good as its secret: what is remembered needs only to tell one from another."""
    return hashlib.blake2b(link.encode(), digest_size=_KEY_SIZE).digest()


def _newest(versions: Iterable[Entries]) -> Stamps:
    """Of each entry that runs out some time. The stamps of others are no times, and count from address to address."""
    newest: Stamps = {}
    for entries in versions:
        for entry in entries:
            if entry.expires_ms is not None:
                stamp = (entry.seq, entry.expires_ms)
                newest[entry.id] = max(stamp, newest.get(entry.id, stamp))
    return newest
