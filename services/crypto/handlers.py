"""The crypto service's answers on the bus: its methods by operation, measured."""

from __future__ import annotations

from typing import Any

from services.crypto.meters import Meters
from shared.bus.ports import Handler, Handlers
from shared.clock import Clock
from shared.contracts import crypto as contract
from shared.contracts.operation import CallContext, Operation
from shared.errors import ErrorCode, ScoutError
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
    }
    return {operation: _measured(operation, method, clock, meters) for operation, method in methods.items()}


def _measured(operation: Operation[Any, Any], method: Handler, clock: Clock, meters: Meters) -> Handler:
    seconds = meters.seconds.labels(operation.name)

    async def handle(request: Any, context: CallContext) -> Any:
        started = clock.monotonic()
        try:
            return await method(request, context)
        except ScoutError as error:
            meters.failures.labels(operation.name, error.code.value).inc()
            raise
        except Exception:
            meters.failures.labels(operation.name, ErrorCode.INTERNAL.value).inc()
            raise
        finally:
            seconds.observe(clock.monotonic() - started)

    return handle
