"""A mapping for as long as the node runs: asked for, renewed at half its time, given back at the end.

It is a help and no condition. Whatever a gateway does or fails to do, the session goes on without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass, field, replace

from scout.nat.gateways import facing
from scout.nat.ports import Gateway, PortMapping, UnmappedError, Way, Wish
from shared.clock import Clock
from shared.lifecycle import Tasks
from shared.settings import Endpoint

log = logging.getLogger(__name__)

LIFETIME_S = 7200
"""What RFC 6886, section 3.3, recommends; after a crash the gateway forgets us within that time."""
LONGEST_LIFETIME_S = 24 * 3600
"""However much more a gateway grants, it is asked again twice a day: it may have been started anew."""
SOONEST_S = 30.0
"""Between two renewals, however little a gateway grants."""
RETRY_S = (60.0, 300.0, 1800.0)
"""After failures in a row; the last one counts for all that follow. The network may be another by then."""
WAY_S = 30.0
"""That one protocol may take; more than its own patience adds up to."""
GIVE_BACK_S = 2.0
"""That closing may take: what is not given back by then ends by itself."""
LOOK_AGAIN_S = 60.0
"""Between two looks at the wall clock. A machine that slept for hours finds the time for a renewal past."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The latest mapping, and how it came to be; a gateway may still have it when it could not be renewed."""

    way: Way
    granted: Wish
    external: Endpoint


@dataclass(slots=True)
class PortMapper:
    """Keeps a mapping for the node at `internal`; a host of 0.0.0.0 stands for the address that faces the gateway."""

    internal: Endpoint
    gateway: Callable[[], Gateway]
    ways: Callable[[Gateway], Sequence[Way]]
    """In the order in which they are tried."""
    _: KW_ONLY
    clock: Clock
    pause: Callable[[float], Awaitable[None]]
    mapping: PortMapping | None = field(default=None, init=False)
    """What there is now, as far as the gateway says."""
    _held: _Held | None = field(default=None, init=False)

    async def run(self) -> None:
        """Ask, and ask again when it is time, until cancelled."""
        failures = 0
        while True:
            reasons = await self._ask()
            if not reasons:
                failures = 0
                await self._rest(self._until_renewal())
                continue
            if failures == 0:
                log.info("no port could be mapped at the gateway", extra={"reason": "; ".join(reasons)})
            await self._rest(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def give_back(self) -> None:
        """End the mapping, if there is one and if that does not take long."""
        if self._held is None:
            return
        held, self._held, self.mapping = self._held, None, None
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await held.way.unmap(held.granted)
        except (UnmappedError, OSError, TimeoutError) as error:
            log.info(
                "the gateway could not be told that its mapping is over",
                extra={"external": str(held.external), "reason": _words(error)},
            )
        except Exception:
            log.exception("a gateway's answer is beyond us", extra={"protocol": held.way.name})

    async def _ask(self) -> list[str]:
        """Try all ways, first the one that led somewhere before; why none did, or nothing."""
        gateway, reasons = self.gateway(), []
        last = self._held.way.name if self._held else ""
        for way in sorted(self.ways(gateway), key=lambda way: way.name != last):
            try:
                await self._ask_by(way, gateway)
            except (UnmappedError, OSError, TimeoutError) as error:
                reasons.append(f"{way.name}: {_words(error)}")
            except Exception:
                log.exception("a gateway's answer is beyond us", extra={"protocol": way.name})
                reasons.append(f"{way.name}: its answer is beyond us")
            else:
                return []
        self.mapping = None
        return reasons

    async def _ask_by(self, way: Way, gateway: Gateway) -> None:
        wish = self._wish(gateway)
        async with asyncio.timeout(WAY_S):
            mapping = await way.map(wish)
        if self.mapping is None or mapping.external != self.mapping.external:
            _tell(mapping)
        self.mapping = mapping
        self._held = _Held(way, replace(wish, external_port=mapping.external.port), mapping.external)

    def _wish(self, gateway: Gateway) -> Wish:
        internal = self.internal
        if internal.host == "0.0.0.0":  # noqa: S104  # compared with, not listened at
            internal = Endpoint(facing(gateway.control or gateway.ssdp), internal.port)
        port = self._held.external.port if self._held else internal.port
        return Wish(internal, port, LIFETIME_S)

    def _until_renewal(self) -> float:
        granted = self.mapping.lifetime_s if self.mapping else 0
        return max(min(granted or LIFETIME_S, LONGEST_LIFETIME_S) / 2, SOONEST_S)

    async def _rest(self, seconds: float) -> None:
        until_ms = self.clock.utc_ms() + round(seconds * 1000)
        while (left_ms := until_ms - self.clock.utc_ms()) > 0:
            await self.pause(min(left_ms / 1000, LOOK_AGAIN_S))


@asynccontextmanager
async def mapped(mapper: PortMapper) -> AsyncIterator[None]:
    """Keep the mapping until the block ends, which begins at once."""
    try:
        async with Tasks() as tasks:
            tasks.start(mapper.run(), name="port mapping")
            yield
    finally:
        await mapper.give_back()


def _words(error: Exception) -> str:
    return str(error) or "no answer in time"


def _tell(mapping: PortMapping) -> None:
    facts = {"protocol": mapping.protocol, "external": str(mapping.external), "lifetime_s": mapping.lifetime_s}
    if mapping.public:
        log.info("the gateway maps a port to this node", extra=facts)
    else:
        log.info("the gateway maps a port to this node, but is behind another NAT itself", extra=facts)
