from __future__ import annotations

from pathlib import Path

import pytest

from services.crypto.settings import parse_master_keys, read
from shared.settings import Endpoint, SettingsError

KEY_A, KEY_B = "aa" * 32, "bb" * 32
ENVIRONMENT = {
    "SCOUT_REDIS_URL": "redis://user:hush@127.0.0.1:6379/0",
    "SCOUT_BUS_KEY": "cc" * 32,
    "SCOUT_MASTER_KEYS": f"2:{KEY_B}, 1:{KEY_A}",
}


def test_all_that_is_needed_and_the_rest_by_default() -> None:
    settings = read(ENVIRONMENT)
    assert [(key.id, key.secret.reveal().hex()) for key in settings.master_keys] == [(2, KEY_B), (1, KEY_A)]
    assert settings.bus_key.reveal() == b"\xcc" * 32
    assert (settings.ops_listen, settings.log_level) == (Endpoint("127.0.0.1", 9101), "info")


def test_secrets_come_from_files_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "master-keys"
    file.write_text(f"2:{KEY_B}\r\n1:{KEY_A}\n")
    environment = {**ENVIRONMENT, "SCOUT_MASTER_KEYS_FILE": str(file)}
    del environment["SCOUT_MASTER_KEYS"]
    assert [key.id for key in read(environment).master_keys] == [2, 1]


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read({"SCOUT_MASTER_KEYS": "1:abc", "SCOUT_OPS_LISTEN": "here", "SCOUT_LOG_LEVEL": "loud"})
    named = [problem.partition(":")[0] for problem in caught.value.problems]
    assert named == ["SCOUT_REDIS_URL", "SCOUT_BUS_KEY", "SCOUT_MASTER_KEYS", "SCOUT_OPS_LISTEN", "SCOUT_LOG_LEVEL"]


def test_a_repr_shows_no_secret() -> None:
    shown = repr(read(ENVIRONMENT))
    assert not any(secret in shown for secret in ("hush", KEY_A, KEY_B, "cc" * 32))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (" , ", "at least one"),
        (f"1:{KEY_A[:-2]}", "64 hex digits, got 62 characters, for the key with id 1"),
        (f"1:{KEY_A},1:{KEY_B}", "a different id"),
        (f"1:{KEY_A},{KEY_B}", "in place 2"),
        (f"one:{KEY_A}", "in place 1"),
        (f"4294967296:{KEY_A}", "in place 1"),
        (f"-1:{KEY_A}", "in place 1"),
        (f"1:{'zz' * 32}", "64 hex digits"),
    ],
)
def test_a_wrong_master_key_is_named_and_never_quoted(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_master_keys(text)
    assert KEY_A[:20] not in str(caught.value)
    assert KEY_B[:20] not in str(caught.value)
