"""Link handles and the keys behind them: what is wrapped, and a bounded cache of what was derived."""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict

from services.crypto.handles import Handles, Kind
from services.crypto.meters import Meters
from shared.errors import ErrorCode, ScoutError
from shared.format.scout1 import link as scout1_link
from shared.format.scout1.link import LinkKeys

CACHE_SIZE = 10_000
"""Links whose keys are kept derived: about 1 kB each, and a hit saves an unwrap and an Ed25519 key pair."""

_PAYLOAD = struct.Struct(">BI32s")  # format, member, shared secret
_SCOUT1 = 1


class Links:
    """Makes link handles and turns them back into keys."""

    def __init__(self, handles: Handles, meters: Meters | None = None, cache_size: int = CACHE_SIZE) -> None:
        """Keep the keys of at most `cache_size` links, the least recently used going first."""
        self._handles = handles
        self._meters = meters
        self._cache_size = cache_size
        self._cache: OrderedDict[bytes, LinkKeys] = OrderedDict()

    def wrap(self, tenant: str, shared_secret: bytes, member: int) -> str:
        """The handle of a scout1 link: its shared secret (32 bytes) and the holder's member number."""
        return self._handles.wrap(Kind.LINK, tenant, _PAYLOAD.pack(_SCOUT1, member, shared_secret))

    def keys(self, tenant: str, handle: str) -> LinkKeys:
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

    def _remember(self, name: bytes, derived: LinkKeys) -> None:
        self._cache[name] = derived
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


def _derive(payload: bytes) -> LinkKeys:
    # the handle was ours, so another layout can only come from a newer replica beside this one
    if len(payload) != _PAYLOAD.size or payload[0] != _SCOUT1:
        raise ScoutError(ErrorCode.BAD_HANDLE, "expected a link of a format that this version of the service knows")
    _format, member, secret = _PAYLOAD.unpack(payload)
    return scout1_link.derive(secret, member)


def _cache_name(tenant: str, handle: str) -> bytes:
    """A fixed-size name that binds the tenant: the cache must not answer where the handle itself would not open."""
    tenant_hash = hashlib.blake2b(tenant.encode(), digest_size=32).digest()
    return hashlib.blake2b(handle.encode(errors="surrogatepass"), key=tenant_hash, digest_size=32).digest()
