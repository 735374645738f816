from __future__ import annotations

import os

import pytest
from prometheus_client import CollectorRegistry

from services.crypto import handlers, meters
from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from shared.bus.memory import MemoryBus
from shared.bus.meters import BusMeters
from shared.clock import SystemClock
from shared.contracts import crypto as contract
from shared.contracts.operation import CallContext, Operation
from shared.errors import ErrorCode, ScoutError
from shared.settings import Secret


class SteppingClock(SystemClock):
    """A quarter of a millisecond passes at every look."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 0.00025
        return self._now


def test_every_operation_of_the_contract_has_a_handler() -> None:
    service = CryptoService([MasterKey(1, Secret(b"m" * 32))], os.urandom)
    offered = handlers.build(service, SystemClock(), meters.build(CollectorRegistry()))
    assert set(offered) == {value for value in vars(contract).values() if isinstance(value, Operation)}


async def test_calls_over_a_bus_are_answered_and_measured() -> None:
    registry, clock = CollectorRegistry(), SystemClock()
    own_meters, bus_meters = meters.build(registry), BusMeters.build(registry)
    service = CryptoService([MasterKey(1, Secret(b"m" * 32))], os.urandom, own_meters)
    bus = MemoryBus(clock, bus_meters)
    context = CallContext(deadline_ms=clock.utc_ms() + 5_000, tenant="acme")
    async with bus.serve("crypto", handlers.build(service, SteppingClock(), own_meters)):
        ask = bus.requester()
        made = await ask.call(contract.CREATE_LINK, contract.CreateLink(secret=b"s" * 32), context)
        sealed = await ask.call(
            contract.SEAL_RECORD,
            contract.SealRecord(link=made.link, plaintext=b"plain", places=[contract.SealAt(seq=1)]),
            context,
        )
        opened = await ask.call(
            contract.OPEN_RECORD,
            contract.OpenRecord(
                link=made.link,
                versions=[contract.SealedVersion(value=value, seq=1) for value in (sealed.sealed[0].value, b"0:")],
            ),
            context,
        )
        with pytest.raises(ScoutError) as caught:
            await ask.call(contract.LOCATE, contract.Locate(link="forged"), context)
    assert opened.versions[0].plaintext == b"plain"
    assert caught.value.code is ErrorCode.BAD_HANDLE
    failed = {"operation": "crypto.locate@1", "code": "bad_handle"}
    assert registry.get_sample_value("scout_crypto_operation_failures_total", failed) == 1
    assert registry.get_sample_value("scout_crypto_unopened_values_total", {"what": "record"}) == 1
    took = registry.get_sample_value("scout_crypto_operation_seconds_sum", {"operation": "crypto.seal_record@1"})
    assert took == pytest.approx(0.00025)


async def test_a_defect_is_counted_and_left_to_the_bus() -> None:
    registry = CollectorRegistry()
    own_meters = meters.build(registry)

    def broken(_size: int) -> bytes:
        raise OSError("no entropy")

    service = CryptoService([MasterKey(1, Secret(b"m" * 32))], broken, own_meters)
    create_key = handlers.build(service, SystemClock(), own_meters)[contract.CREATE_KEY]
    with pytest.raises(OSError, match="no entropy"):
        await create_key(contract.CreateKey(), CallContext(deadline_ms=0))
    counted = {"operation": "crypto.create_key@1", "code": "internal"}
    assert registry.get_sample_value("scout_crypto_operation_failures_total", counted) == 1
