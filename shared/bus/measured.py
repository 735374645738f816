"""Handlers that count themselves: what every service measures of the operations it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.bus.ports import Handler, Handlers
from shared.clock import Clock
from shared.contracts.operation import CallContext, Operation
from shared.errors import ErrorCode, ScoutError


@dataclass(frozen=True, slots=True)
class OperationMeters:
    """How long operations take and how they fail."""

    seconds: Histogram
    """Label `operation`: how long each took, its whole batch, failed ones included."""
    failures: Counter
    """Labels `operation` and `code` (shared.errors.ErrorCode)."""
    codes: Sequence[ErrorCode]
    """How its operations may fail: the failures whose zeros are visible from the start."""

    @classmethod
    def build(
        cls, registry: CollectorRegistry, subsystem: str, buckets: Sequence[float], codes: Sequence[ErrorCode]
    ) -> Self:
        """`scout_<subsystem>_operation_seconds` and `scout_<subsystem>_operation_failures_total` in `registry`."""
        return cls(
            seconds=Histogram(
                f"scout_{subsystem}_operation_seconds",
                "Time of one operation, its whole batch.",
                ["operation"],
                buckets=buckets,
                registry=registry,
            ),
            failures=Counter(
                f"scout_{subsystem}_operation_failures",
                "Operations answered with an error.",
                ["operation", "code"],
                registry=registry,
            ),
            codes=codes,
        )


def measured(methods: Mapping[Operation[Any, Any], Handler], clock: Clock, meters: OperationMeters) -> Handlers:
    """The same handlers, each measured under the name of its operation."""
    return {operation: _measured(operation, method, clock, meters) for operation, method in methods.items()}


def _measured(operation: Operation[Any, Any], method: Handler, clock: Clock, meters: OperationMeters) -> Handler:
    seconds = meters.seconds.labels(operation.name)
    for code in meters.codes:
        meters.failures.labels(operation.name, code.value)

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
