"""Everything at once: the network and the service are examined side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from scout.doctor.findings import Finding, Verdict
from scout.doctor.network import examine_network
from scout.doctor.service import examine_service
from scout.transport import Surroundings
from shared.settings import Endpoint


async def examine(
    url: str | None, names: Sequence[Endpoint], *, api_key: str | None = None, surroundings: Surroundings | None = None
) -> list[Finding]:
    """Every check, in the order in which a person would make them; nothing that is amiss raises.

    `url` is the service's, None where none is used; `names` are nodes of the DHT to ask.
    """
    around = surroundings or Surroundings()
    if url is None:
        return [*await examine_network(names, around), Finding("service", Verdict.OK, "a session uses none")]
    network, service = await asyncio.gather(examine_network(names, around), examine_service(url, api_key, around))
    return [*network, *service]
