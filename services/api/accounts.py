"""What requests cost their callers, in DHT packets: reserved at the door, settled when the cost is known.

A reservation is what the endpoint has cost of late in this process, so many requests at once can't run far over: what
they are going to send is already taken. Afterwards the difference is given back, or taken too; a budget that owes lets
nobody in until it has made up for it. Over any length of time a budget is spent to the packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from services.api.guard_meters import BudgetOf, GuardMeters
from services.api.keys import Caller
from shared.bus import streams
from shared.bus.ports import Budgets, Shortfall
from shared.errors import ErrorCode, ScoutError

SMOOTHING = 8
"""Requests over which what an endpoint costs is averaged."""


class Costly(Protocol):
    """An endpoint, as far as its price goes."""

    @property
    def name(self) -> str:
        """What tells it from all others."""

    @property
    def packets(self) -> int:
        """What its first call is taken to cost."""


@dataclass(frozen=True, slots=True)
class Account:
    """One request's."""

    caller: Caller
    endpoint: Costly
    reserved: float


@dataclass(frozen=True, slots=True)
class Accounts:
    """Those of all requests of this process."""

    budgets: Budgets
    meters: GuardMeters
    _costs: dict[str, float] = field(default_factory=dict)
    """Endpoint's name -> what it has cost of late."""

    async def open(self, caller: Caller, endpoint: Costly) -> Account:
        """Reserve what a request is likely to cost. Raises ScoutError: `budget_spent`, `bus_unavailable`."""
        if not caller.buckets:
            return Account(caller, endpoint, 0.0)
        likely = self._costs.get(endpoint.name, float(endpoint.packets))
        # no more than a full bucket holds: else it would never be let in
        reserved = min(likely, *(bucket.burst for bucket in caller.buckets))
        short = await self.budgets.take(caller.buckets, reserved)
        if short is not None:
            whose = BudgetOf.TENANT if short.bucket.name == streams.budget(caller.tenant) else BudgetOf.KEY
            self.meters.budget_refusals.labels(whose).inc()
            raise _spent(caller, whose, short, reserved)
        return Account(caller, endpoint, reserved)

    async def settle(self, account: Account, packets: int, *, complete: bool) -> None:
        """Charge what a request has cost; one that was cut short costs at least what was reserved.

        Raises ScoutError (`bus_unavailable`).
        """
        if packets:
            self.meters.packets.inc(packets)
        if complete and packets:
            likely = self._costs.get(account.endpoint.name, float(account.endpoint.packets))
            self._costs[account.endpoint.name] = likely + (packets - likely) / SMOOTHING
        charged = packets if complete else max(packets, account.reserved)
        if account.caller.buckets and charged != account.reserved:
            await self.budgets.settle(account.caller.buckets, account.reserved - charged)


def _spent(caller: Caller, whose: BudgetOf, short: Shortfall, needed: float) -> ScoutError:
    bucket = short.bucket
    named = f"the tenant {caller.tenant}" if whose is BudgetOf.TENANT else f"the API key {caller.key}"
    return ScoutError(
        ErrorCode.BUDGET_SPENT,
        f"The budget of {named} is spent: {bucket.per_second:g} DHT packets a second come back, and this request takes "
        f"about {needed:.0f}.",
        retry_after=short.seconds,
        facts={
            "budget": whose.value,
            "packets_per_second": bucket.per_second,
            "burst": bucket.burst,
            "needed": round(needed, 1),
        },
    )
