from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from services.crypto.settings import parse_master_keys
from services.standalone.secret_files import DRAWN, FOR_PEOPLE, HANDED, main, make
from shared.api_key_file import parse
from shared.api_keys import Scope

USERS_FILE = Path(__file__).parents[3] / "deploy/redis/users.acl"
USERS = USERS_FILE.read_text()


def contents(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_each_service_gets_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    assert {path.name for path in (tmp_path / "dht-node").iterdir()} == {"redis-password"}
    assert {path.name for path in (tmp_path / "crypto").iterdir()} == {"bus-key", "master-keys", "redis-password"}
    assert {path.name for path in (tmp_path / "api").iterdir()} == {"bus-key", "api-keys.toml", "redis-password"}
    assert {path.name for path in (tmp_path / "redis").iterdir()} == {"users.acl"}


def test_what_is_handed_out_is_what_was_drawn(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    for service, names in HANDED.items():
        for name, source in names.items():
            assert (tmp_path / service / name).read_text() == (tmp_path / "kept" / source).read_text()


def test_services_take_them(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    assert len(parse_master_keys((tmp_path / "crypto" / "master-keys").read_text())) == 1
    ring = parse((tmp_path / "api" / "api-keys.toml").read_text())
    key = ring.find((tmp_path / "kept" / "api-key").read_text().strip())
    assert key is not None
    assert key.scopes == frozenset(Scope)


def test_redis_knows_each_service_by_the_hash_of_its_own_password(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    users = dict(line.split(" ", 2)[1:] for line in (tmp_path / "redis" / "users.acl").read_text().splitlines())
    assert users.keys() == {"default", "scout-api", "scout-crypto", "scout-dht-node", "scout-admin", "probe"}
    assert users["default"].startswith("off ")
    for service in ("api", "crypto", "dht-node"):
        password = (tmp_path / service / "redis-password").read_bytes().strip()
        assert f"on #{hashlib.sha256(password).hexdigest()} " in users[f"scout-{service}"]
    assert "password-of" not in str(users)


def test_nobody_but_owner_and_group_reads_and_nobody_writes(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            expected = 0o600 if path.parent.name == "kept" else 0o440
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    before = contents(tmp_path)
    make(tmp_path, USERS, os.urandom)
    assert contents(tmp_path) == before


def test_keys_that_an_operator_added_stay(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    keys = tmp_path / "api" / "api-keys.toml"
    keys.chmod(0o640)
    keys.write_text(keys.read_text().replace("operator", "renamed"))
    make(tmp_path, USERS, os.urandom)
    assert "renamed" in keys.read_text()


def test_what_is_lost_of_a_service_comes_back_as_it_was(tmp_path: Path) -> None:
    make(tmp_path, USERS, os.urandom)
    before = contents(tmp_path)
    (tmp_path / "crypto" / "bus-key").unlink()
    (tmp_path / "api" / "api-keys.toml").unlink()
    make(tmp_path, USERS, os.urandom)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_people_are_shown_what_is_for_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main([str(tmp_path), str(USERS_FILE), name]) == 0
    assert capsys.readouterr().out == (tmp_path / "kept" / name).read_text()


def test_nobody_is_shown_the_master_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(USERS_FILE), "master-keys"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "expected one of api-key, grafana-password, got 'master-keys'" in said.err


def test_making_them_shows_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(USERS_FILE)]) == 0
    said = capsys.readouterr().out
    assert not any((tmp_path / "kept" / name).read_text().strip() in said for name in DRAWN)


def test_a_directory_that_can_not_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file"), str(USERS_FILE)]) == 1
    assert capsys.readouterr().err.startswith("scout secrets: ")
