"""A process that is killed in the middle of saving what it keeps."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from shared.bus import lease_file

KEEPS = """
import asyncio, sys
from pathlib import Path
from shared.bus.ports import Lease
from shared.bus.saved_leases import SavedLeases

NOW = 1_700_000_000_000

async def main():
    leases = SavedLeases(Path(sys.argv[1]))
    for number in range(5000):
        lease = Lease(number.to_bytes(20, "big"), 1, bytes(1100), NOW + 3_600_000)
        await leases.keep(lease, due_ms=NOW, now_ms=NOW)
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(4))
async def test_every_lease_that_its_caller_heard_of_is_found_again(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "kept"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KEEPS, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        await process.stdout.readline()
        await asyncio.sleep(random.Random(seed).uniform(0.05, 0.3))
        process.kill()
        heard = (await process.stdout.read()).split()
        assert await process.wait() == -signal.SIGKILL
    found = {int.from_bytes(kept.lease.target, "big") for kept in lease_file.load(path)}
    assert found >= {0, *map(int, heard)}
    assert not path.with_name("kept.damaged").exists()
