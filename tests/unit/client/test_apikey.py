"""`scout apikey new`: the key for its holder, the entry for the service, and no mixing them up."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from scout.cli.main import run
from shared.api_key_file import parse
from shared.api_keys import ApiKey, Budget, KeyRing, Scope
from shared.clock import SystemClock

DAY_MS = 24 * 3600 * 1000


def new(*arguments: str) -> int:
    return run(["apikey", "new", *arguments])


def ring_of(path: Path) -> KeyRing:
    return parse(path.read_text())


def only_key(ring: KeyRing) -> ApiKey:
    (key,) = ring.keys.values()
    return key


def test_what_is_shown_fits_together(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--tenant", "acme", "--scope", "relay", "--scope", "read", "--packets-per-second", "2.5"]
    assert new("--name", "phone", *options, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    ring = parse(shown["entry"])
    assert ring.find(shown["key"]) == only_key(ring)
    key = only_key(ring)
    assert (key.name, key.tenant, key.scopes) == ("phone", "acme", frozenset({Scope.READ, Scope.RELAY}))
    assert key.budget == Budget(2.5, 150)
    assert shown["key"] not in shown["entry"]


def test_a_person_is_shown_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--name", "phone") == 0
    said = capsys.readouterr().out
    token = next(word for word in said.split() if word.startswith("scout_"))
    assert parse(said[said.index("[[key]]") :]).find(token) is not None
    assert only_key(parse(said[said.index("[[key]]") :])).scopes == {Scope.READ, Scope.WRITE}


def test_keys_and_entries_go_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, secret = tmp_path / "keys.toml", tmp_path / "phone.key"
    assert new("--name", "phone", "--out", str(secret), "--append", str(keys)) == 0
    assert new("--name", "laptop", "--append", str(keys), "--json") == 0
    said = capsys.readouterr().out
    token = secret.read_text().strip()
    assert token not in said
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    ring = ring_of(keys)
    assert [key.name for key in ring.keys.values()] == ["phone", "laptop"]
    assert ring.find(token) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.toml", "phone.key"]


def test_a_link_and_a_mode_stay_as_they_are(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "keys.toml"
    real.write_text("# ours\n")
    real.chmod(0o600)
    link.symlink_to(real)
    assert new("--name", "phone", "--append", str(link)) == 0
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.read_text().startswith("# ours\n\n[[key]]\n")


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    assert new("--name", "first", "--append", str(keys)) == 0
    counts: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            counts.append(len(ring_of(keys).keys))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        assert new("--name", f"key-{number}", "--append", str(keys)) == 0
    done.set()
    reader.join()
    assert counts == sorted(counts)
    assert len(ring_of(keys).keys) == 21


def test_keys_that_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--name", "phone", "--expires", "9999-12-31", "--json") == 0
    entry = json.loads(capsys.readouterr().out)["entry"]
    assert "expires = 9999-12-31\n" in entry
    assert only_key(parse(entry)).expires_ms == 253_402_300_800_000
    assert new("--name", "phone", "--expires", "90d", "--json") == 0
    ends = only_key(parse(json.loads(capsys.readouterr().out)["entry"])).expires_ms
    assert ends is not None
    assert abs(ends - SystemClock().utc_ms() - 90 * DAY_MS) < 60_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "a b"], "name: expected 1 to 32 letters"),
        (["--name", "phone", "--tenant", "{x}"], "tenant: expected 1 to 32 letters"),
        (["--name", "phone", "--expires", "2020-01-01"], "an end in the future"),
        (["--name", "phone", "--expires", "999999999d"], "before the year 10000"),
        (["--name", "phone", "--expires", "soon"], "a date such as 2027-01-31 or a duration such as 90d"),
        (["--name", "phone", "--burst", "7"], "--packets-per-second with --burst"),
        (["--name", "phone", "--append", "taken.toml"], "line 1 (phone): sha256"),
        (["--name", "phone", "--append", "."], "can't read ."),
        (["--name", "phone", "--append", "no/such/directory.toml"], "can't write no/such/directory.toml"),
    ],
)
def test_what_can_not_be_a_key_is_refused(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.toml").write_text('[[key]]\nname = "phone"\n')
    assert new(*arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "scout_" not in captured.out + captured.err


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    secret, keys = tmp_path / "phone.key", tmp_path / "keys.toml"
    secret.write_text("mine")
    assert new("--name", "phone", "--out", str(secret), "--append", str(keys)) == 2
    assert secret.read_text() == "mine"
    assert not keys.exists(), "no entry for a key that nobody has"
