"""Link handles and the keys behind them: what is wrapped, and a bounded cache of what was derived."""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict

from services.crypto.handles import Handles, Kind
from services.crypto.meters import Meters
from shared.contracts.crypto import FormatName
from shared.errors import ErrorCode, ScoutError
from shared.links.making import LINKS
from shared.links.ports import Link

CACHE_SIZE = 10_000
"""Links whose keys are kept derived: up to 2 kB each, and a hit saves an unwrap and Ed25519 key pairs."""

_PAYLOAD = struct.Struct(">BI32s")  # format, member, secret: in scout1 the shared one, in scout2 the root
_NUMBERS: dict[FormatName, int] = {"scout1": 1, "scout2": 2}
_LINKS = {number: LINKS[name] for name, number in _NUMBERS.items()}


class Links:
    """Makes link handles and turns them back into keys."""

    def __init__(self, handles: Handles, meters: Meters | None = None, cache_size: int = CACHE_SIZE) -> None:
        """Keep the keys of at most `cache_size` links, the least recently used going first."""
        self._handles = handles
        self._meters = meters
        self._cache_size = cache_size
        self._cache: OrderedDict[bytes, Link] = OrderedDict()

    def wrap(self, tenant: str, format_name: FormatName, secret: bytes, member: int) -> str:
        """The handle of a link: its secret (32 bytes) and the holder's member number. Raises FieldError."""
        number = _NUMBERS[format_name]
        _LINKS[number](secret, member)  # what can't be derived must not be wrapped
        return self._handles.wrap(Kind.LINK, tenant, _PAYLOAD.pack(number, member, secret))

    def open(self, tenant: str, handle: str) -> Link:
        """The keys of a link. Raises ScoutError `bad_handle`, for which nothing is ever cached."""
        name = _cache_name(tenant, handle)
        cached = self._cache.get(name)
        if cached is not None:
            self._cache.move_to_end(name)
            if self._meters is not None:
                self._meters.cache_hits.inc()
            return cached
        if self._meters is not None:
            self._meters.cache_misses.inc()
        derived = _derive(self._handles.unwrap(Kind.LINK, tenant, handle))
        self._remember(name, derived)
        return derived

    def _remember(self, name: bytes, derived: Link) -> None:
        self._cache[name] = derived
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


def _derive(payload: bytes) -> Link:
    # the handle was ours, so another layout can only come from a newer replica beside this one
    make = _LINKS.get(payload[0]) if len(payload) == _PAYLOAD.size else None
    if make is None:
        raise ScoutError(ErrorCode.BAD_HANDLE, "expected a link of a format that this version of the service knows")
    _number, member, secret = _PAYLOAD.unpack(payload)
    return make(secret, member)


def _cache_name(tenant: str, handle: str) -> bytes:
    """A fixed-size name that binds the tenant: the cache must not answer where the handle itself would not open."""
    tenant_hash = hashlib.blake2b(tenant.encode(), digest_size=32).digest()
    return hashlib.blake2b(handle.encode(errors="surrogatepass"), key=tenant_hash, digest_size=32).digest()
