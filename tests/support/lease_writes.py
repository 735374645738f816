"""How often leases are written to the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.bus import lease_file
from shared.bus.memory_leases import Standing


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on, for each write how many leases it held."""
    writes: list[int] = []
    save = lease_file.save

    def counting(path: Path, standing: list[Standing]) -> None:
        writes.append(len(standing))
        save(path, standing)

    monkeypatch.setattr(lease_file, "save", counting)
    return writes
