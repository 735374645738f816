"""The crypto service's answers on the bus: its methods by operation, measured."""

from __future__ import annotations

from typing import Any

from services.crypto.meters import Meters
from shared.bus.measured import measured
from shared.bus.ports import Handler, Handlers
from shared.clock import Clock
from shared.contracts import crypto as contract
from shared.contracts.operation import Operation
from shared.usecases.ports import Crypto


def build(crypto: Crypto, clock: Clock, meters: Meters) -> Handlers:
    """A handler for every operation of `shared.contracts.crypto`.

    A request handled twice is harmless: nothing is stored, and a second nonce or handle is as good as the first.
    """
    methods: dict[Operation[Any, Any], Handler] = {
        contract.CREATE_KEY: crypto.create_key,
        contract.CREATE_LINK: crypto.create_link,
        contract.LOCATE: crypto.locate,
        contract.OPEN_RECORD: crypto.open_record,
        contract.SEAL_RECORD: crypto.seal_record,
        contract.SEAL_MESSAGE: crypto.seal_message,
        contract.OPEN_MESSAGES: crypto.open_messages,
        contract.REWRAP: crypto.rewrap,
    }
    return measured(methods, clock, meters.operations)
