"""The DHT node's answers on the bus: its methods by operation, measured."""

from __future__ import annotations

from typing import Any

from services.dht_node.keeping import KeepingDht
from services.dht_node.service import DhtService
from shared.bus.measured import OperationMeters, measured
from shared.bus.ports import Handler, Handlers
from shared.clock import Clock
from shared.contracts import dht as contract
from shared.contracts.operation import Operation


def build(service: DhtService, keeping: KeepingDht, clock: Clock, meters: OperationMeters) -> Handlers:
    """A handler for every operation of `shared.contracts.dht`.

    Puts go through `keeping`, which does what their `keep` asks for. A request handled twice is harmless: reads change
    nothing, and a node that holds a version already counts as having stored it.
    """
    methods: dict[Operation[Any, Any], Handler] = {
        contract.GET_MUTABLE: service.get_mutable,
        contract.PUT_MUTABLE: keeping.put_mutable,
        contract.GET_IMMUTABLE: service.get_immutable,
        contract.PUT_IMMUTABLE: keeping.put_immutable,
        contract.KEEP: keeping.keep,
        contract.RELEASE: keeping.release,
        contract.GET_PEERS: service.get_peers,
        contract.ANNOUNCE_PEER: service.announce_peer,
        contract.STATUS: service.status,
        contract.PING: service.ping,
        contract.LOOKUP: service.lookup,
    }
    return measured(methods, clock, meters)
