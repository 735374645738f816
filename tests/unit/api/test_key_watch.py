"""The key file changes while the service runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.api import guard_meters
from services.api.key_watch import LARGEST_FILE, KeyWatch, read_text
from services.api.keys import Keys
from shared.api_key_file import parse
from shared.api_keys import digest_of
from tests.unit.api.world import a_token


def entry(name: str) -> str:
    digest = digest_of(a_token(name)).hex()
    return f'[[key]]\nname = "{name}"\ntenant = "acme"\nscopes = ["read"]\nsha256 = "{digest}"\n'


def write(path: Path, *content: str | bytes | None) -> None:
    """Replace the file's content; None removes it."""
    path.unlink(missing_ok=True)
    if content != (None,):
        path.write_bytes(b"".join(part if isinstance(part, bytes) else str(part).encode() for part in content))


class Watched:
    """A watch on a file that is there, and what it measures."""

    def __init__(self, path: Path) -> None:
        self.registry = CollectorRegistry()
        self.keys = Keys(parse(read_text(path)))
        self.watch = KeyWatch(path, self.keys, guard_meters.build(self.registry))

    def names(self) -> list[str]:
        assert self.keys.ring is not None
        return sorted(key.name for key in self.keys.ring.keys.values())

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys.toml"
    made.write_text(entry("one"))
    return made


async def test_a_new_file_is_taken_up_and_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watched = Watched(path)
    await watched.watch.look()
    assert not caplog.records, "nothing has changed since the start"
    assert watched.metric("scout_api_keys") == 1
    write(path, entry("one"), entry("two"))
    await watched.watch.look()
    await watched.watch.look()
    assert watched.names() == ["one", "two"]
    assert [record.message for record in caplog.records] == ["the API keys have changed"]
    assert watched.metric("scout_api_keys") == 2
    assert watched.metric("scout_api_key_file_loads_total", outcome="loaded") == 2
    write(path, entry("two"))
    await watched.watch.look()
    assert watched.names() == ["two"], "what is taken out is revoked"


async def test_a_link_that_is_turned_elsewhere_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes mounts a Secret: keys.toml -> ..data/keys.toml, ..data -> a directory for each version."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys.toml").write_text(entry(name))
    data, path = tmp_path / "..data", tmp_path / "keys.toml"
    data.symlink_to("one")
    path.symlink_to("..data/keys.toml")
    watched = Watched(path)
    await watched.watch.look()
    fresh = tmp_path / "..data_tmp"
    fresh.symlink_to("two")
    fresh.rename(data)
    await watched.watch.look()
    assert watched.names() == ["two"]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (b"", "expected at least one [[key]]; `scout apikey new` makes one"),
        (
            b'[[key]]\nname = "one"\n',
            "line 1 (one): tenant: expected 1 to 32 letters, digits, dots, underscores or hyphens",
        ),
        (b"\xff\xfe", "expected text in UTF-8"),
        (b"#" * (LARGEST_FILE + 1), f"expected at most {LARGEST_FILE} bytes"),
        (None, "expected a readable file: No such file or directory"),
    ],
)
async def test_a_broken_file_changes_nothing_and_is_said_once(
    path: Path, broken: bytes | None, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(path)
    await watched.watch.look()
    write(path, broken)
    for _ in range(3):
        await watched.watch.look()
    assert watched.names() == ["one"]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert problem in json.loads(json.dumps(record.__dict__["problems"]))
    assert watched.metric("scout_api_key_file_current") == 0
    assert watched.metric("scout_api_key_file_loads_total", outcome="refused") == 1
    write(path, entry("one"))
    await watched.watch.look()
    assert watched.metric("scout_api_key_file_current") == 1
