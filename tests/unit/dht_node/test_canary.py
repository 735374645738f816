"""The canary in virtual time, over a DHT that may lose everything."""

from __future__ import annotations

import asyncio
import random
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.dht_node.canary import Canary, CanaryMeters, CanaryPace, Round, kept_seed
from services.dht_node.health import CanaryHealth
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from tests.support.twin_dht import TwinDht
from tests.support.virtual_time import VirtualTime

SEED = bytes(range(32))
PACE = CanaryPace()


class ForgetfulDht(TwinDht):
    """Nodes that acknowledge and store nothing."""

    forgets = True

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        reply = await super().put_mutable(request, context)
        for node in self.nodes if self.forgets else ():
            node.mutable.clear()
        return reply


class UnreachableDht(TwinDht):
    """Nobody answers."""

    async def put_mutable(self, _request: dht.PutMutable, _context: CallContext) -> dht.PutReply:
        raise ScoutError(ErrorCode.DHT_UNAVAILABLE, "None of 8 nodes answered.")


@dataclass
class Aviary:
    """A canary, and the time it lives in."""

    twin: TwinDht
    time: VirtualTime = field(default_factory=VirtualTime)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    health: CanaryHealth = field(default_factory=CanaryHealth)
    joined: bool = True
    dice: random.Random = field(default_factory=lambda: random.Random(3))

    def canary(self) -> Canary:
        return Canary(
            self.twin,
            self.health,
            seed=SEED,
            clock=self.time.clock,
            dice=self.dice,
            meters=CanaryMeters.build(self.registry, self.health, self.time.clock),
            joined=lambda: self.joined,
            pause=self.time.pause,
        )

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.canary().run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def pass_by(self, seconds: float) -> None:
        await self.time.pass_by(seconds, lambda: 1)

    def sample(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"scout_dht_canary_{name}", labels)
        assert value is not None
        return value


async def test_it_is_written_a_minute_after_joining_and_then_every_ten_minutes() -> None:
    aviary = Aviary(TwinDht(), joined=False)
    async with aviary.living():
        await aviary.pass_by(300)
        assert aviary.twin.puts == 0
        assert aviary.sample("age_seconds") == 300
        aviary.joined = True
        await aviary.pass_by(PACE.look_again_s + PACE.first_s * 0.8 - 1)
        assert aviary.twin.puts == 0
        await aviary.pass_by(PACE.first_s * 0.4 + 2)
        assert (aviary.twin.puts, aviary.sample("success")) == (1, 1)
        assert aviary.sample("age_seconds") < PACE.first_s
        await aviary.pass_by(6 * 3600)
    assert 6 * 5 <= aviary.twin.puts <= 6 * 7.5
    assert aviary.sample("rounds_total", outcome="read_back") == aviary.twin.puts
    assert aviary.sample("age_seconds") < PACE.interval_s * 1.2


async def test_three_failures_in_a_row_make_the_node_unready_and_one_success_mends_it() -> None:
    forgetful = ForgetfulDht()
    aviary = Aviary(forgetful)
    async with aviary.living():
        await aviary.pass_by(2 * PACE.first_s)
        assert aviary.health.alive
        assert aviary.sample("success") == 0
        await aviary.pass_by(3 * PACE.retry_s)
        assert aviary.health.failures >= 3
        assert not aviary.health.alive
        assert aviary.sample("rounds_total", outcome="not_found") == aviary.health.failures
        assert aviary.sample("rounds_total", outcome="read_back") == 0
        forgetful.forgets = False
        await aviary.pass_by(2 * PACE.retry_s)
        assert aviary.health.alive
        assert aviary.sample("success") == 1


async def test_each_way_to_fail_is_told_apart() -> None:
    assert await Aviary(TwinDht(loss=1.0)).canary().round() is Round.NOT_STORED
    assert await Aviary(UnreachableDht()).canary().round() is Round.UNAVAILABLE
    assert await Aviary(ForgetfulDht()).canary().round() is Round.NOT_FOUND
    assert await Aviary(TwinDht()).canary().round() is Round.READ_BACK


async def test_after_the_wall_clock_was_set_back_it_goes_on_above_what_is_stored() -> None:
    aviary = Aviary(TwinDht())
    assert await aviary.canary().round() is Round.READ_BACK
    aviary.registry = CollectorRegistry()
    aviary.time.clock.set_wall(aviary.time.clock.utc_ms() - 60_000)
    restarted = aviary.canary()
    assert await restarted.round() is Round.NOT_STORED
    assert await restarted.round() is Round.READ_BACK


async def test_a_round_while_there_is_no_network_is_not_counted() -> None:
    aviary = Aviary(UnreachableDht(), joined=False)
    async with aviary.living():
        await aviary.pass_by(3600)
    assert aviary.health.alive
    assert aviary.sample("rounds_total", outcome="unavailable") == 0


def test_the_key_is_kept_where_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "dht_node.canary"
    seed = kept_seed(path, random.Random(1).randbytes)
    assert kept_seed(path, random.Random(2).randbytes) == seed == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    assert kept_seed(path, random.Random(2).randbytes) == random.Random(2).randbytes(32)
    assert kept_seed(None, random.Random(4).randbytes) == random.Random(4).randbytes(32)
    assert kept_seed(path / "below a file", random.Random(5).randbytes) == random.Random(5).randbytes(32)


async def test_no_secret_shows() -> None:
    assert str(SEED) not in repr(Aviary(TwinDht()).canary())


async def test_storing_nodes_can_not_tell_it_from_a_record_and_it_moves_from_day_to_day() -> None:
    aviary = Aviary(TwinDht())
    canary = aviary.canary()
    for _ in range(3):
        assert await canary.round() is Round.READ_BACK
        aviary.time.clock.advance(86_400)
    held = aviary.twin.nodes[0].mutable
    assert len(held) == len({version.value for version in held.values()}) == 3
    assert {len(version.value) for version in held.values()} == {256}
    assert {version.value[:5] for version in held.values()} == {b"252:\x02"}
