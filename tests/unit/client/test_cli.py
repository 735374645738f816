"""The command line as scripts see it: exit codes, JSON, and two lines instead of a traceback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from scout.cli.main import run
from scout.profile import Profile, SavedLink, save_profile
from scout.secretfiles import create_secret_file
from shared.format import keys
from tests.support.scripted_api import Reply, problem, scripted_api

PEER = keys.public_key(bytes([7] * 32)).hex()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SCOUT_HOME", "SCOUT_URL", "SCOUT_API_KEY_FILE", "SCOUT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def scout(home: Path, *arguments: str) -> int:
    return run([*arguments, "--home", str(home)])


def test_keygen_then_exchange_gives_both_sides_one_secret(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = home.parent / "other"
    made = []
    for place in (home, other):
        assert scout(place, "keygen", "--json") == 0
        made.append(json.loads(capsys.readouterr().out)["public_key"])
    for place, peer in ((home, made[1]), (other, made[0])):
        assert scout(place, "exchange", peer, "--out", str(place / "shared.secret")) == 0
    mine, theirs = (json.loads((place / "shared.secret").read_text()) for place in (home, other))
    assert mine["secret"] == theirs["secret"]
    assert {mine["member"], theirs["member"]} == {0, 1}
    assert mine["secret"] not in capsys.readouterr().out


def test_keygen_refuses_to_overwrite(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scout(home, "keygen") == 0
    before = (home / "secret.key").read_bytes()
    assert scout(home, "keygen") == 2
    assert (home / "secret.key").read_bytes() == before
    assert "never overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exchange", "00" * 32], "full order"),
        (["exchange", "beef"], "64 hex digits"),
        (["exchange", PEER, "--key", "nowhere"], "can't read nowhere"),
        (["link", "friend"], "one of --peer PUBLIC_KEY, --secret FILE and --group NAME"),
        (["devices", "friend"], "known: none yet"),
        (["sync", "friend", "--set", "seven=x"], "expected ID=TEXT"),
        (["put", "@nowhere"], "can't read nowhere"),
        (["devices"], "Missing argument"),
        (["announce", "friend", "--device", "-1"], "Invalid value"),
        (["announce", "friend", "--keep", "a day"], "24h, 30m or 7d"),
        (["dance"], "No such command"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_was_expected(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert scout(home, "keygen") == 0
    assert scout(home, *arguments) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


async def test_no_service_ends_with_3(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_api() as api:
        gone = api.url
    save_profile(home, Profile(links={"friend": SavedLink(link="handle")}))
    status = await _in_thread(home, "--url", gone, "devices", "friend", "--json")
    assert status == 3
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["code"], error["exit_code"]) == ("unreachable", 3)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (problem(401, "unauthorized"), 4),
        (problem(403, "forbidden_scope", scope="read"), 4),
        (problem(429, "budget_spent", retry_after=60), 3),
        (problem(403, "bad_handle"), 1),
        (problem(404, "not_found"), 1),
        (problem(413, "record_full", used=956), 1),
        (problem(409, "seq_exhausted"), 1),
        (problem(413, "item_too_large"), 2),
        (problem(400, "invalid_request"), 2),
        (problem(504, "deadline_exceeded", retry_after=60), 3),
        (problem(503, "dht_unavailable", retry_after=60), 3),
    ],
)
async def test_each_refusal_has_its_exit_code(
    home: Path, capsys: pytest.CaptureFixture[str], reply: Reply, status: int
) -> None:
    async with scripted_api(reply) as api:
        assert await _in_thread(home, "get", "ab" * 20, "--url", api.url) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(reply.body["code"])


async def test_get_writes_the_bytes_as_they_are(home: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    async with scripted_api(Reply(200, {"value": "AP9oaQ"})) as api:
        assert await _in_thread(home, "get", "ab" * 20, "--url", api.url) == 0
    assert capfdbinary.readouterr().out == b"\x00\xffhi"


async def test_a_number_that_nobody_knows_is_a_dash(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = {"member": 0, "number": None, "target": "ab" * 20, "body": "cGxhaW4", "sealed": False}
    gap = {"member": 0, "first": None, "last": None, "error": "nobody holds it"}
    inbox = Reply(200, {"messages": [message], "gaps": [gap], "more": []})
    storing = {"asked": 8, "answered": 8, "stored": 8}
    sent = Reply(200, {"number": None, "target": "ab" * 20, "seq": 2, "storing": storing})
    save_profile(home, Profile(links={"friend": SavedLink(link="handle")}))
    async with scripted_api(inbox, inbox, sent) as api:
        assert await _in_thread(home, "inbox", "friend", "--url", api.url) == 0
        shown = capsys.readouterr()
        assert shown.out.splitlines()[1].split() == ["-", "plain", "not", "sealed"]
        assert "Member 0: message - can't be read: nobody holds it" in shown.err
        assert await _in_thread(home, "inbox", "friend", "--json", "--url", api.url) == 0
        assert json.loads(capsys.readouterr().out)["messages"][0]["number"] is None
        assert await _in_thread(home, "send", "friend", "hello", "--url", api.url) == 0
        assert capsys.readouterr().out == "Message left: stored by 8 of 8 nodes so far, not kept alive.\n"


async def test_keep_is_asked_for_as_it_was_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storing = {"asked": 8, "answered": 8, "stored": 8}
    stored = Reply(200, {"hash": "ab" * 20, "storing": storing, "kept_until": "2026-01-02T03:04:05Z"})
    full = Reply(200, {"hash": "ab" * 20, "storing": storing, "kept_until": None, "keep_error": "keep_full"})
    async with scripted_api(stored, stored, full) as api:
        assert await _in_thread(home, "put", "hi", "--keep", "30m", "--url", api.url) == 0
        assert "kept alive until 2026-01-0" in capsys.readouterr().err
        assert await _in_thread(home, "put", "hi", "--url", api.url) == 0
        assert await _in_thread(home, "put", "hi", "--keep", "0", "--url", api.url) == 0
        assert "not kept alive (keep_full)" in capsys.readouterr().err
    assert [asked.body.get("keep") for asked in api.asked] == [1800, None, 0]


async def test_where_the_api_key_comes_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_secret_file(home / "api.key", b"kept\n")
    create_secret_file(home / "named.key", b"named\n")
    async with scripted_api(*[Reply(200, {"value": ""})] * 5) as api:
        save_profile(home, Profile(url=api.url))
        get = ["get", "ab" * 20]
        await _in_thread(home, *get)
        await _in_thread(home, *get, "--url", api.url)
        monkeypatch.setenv("SCOUT_API_KEY", "given")
        await _in_thread(home, *get)
        await _in_thread(home, *get, "--url", api.url)
        await _in_thread(home, *get, "--api-key-file", str(home / "named.key"))
    shown = [asked.headers.get("Authorization") for asked in api.asked]
    assert shown == ["Bearer kept", None, "Bearer given", "Bearer given", "Bearer named"]


def test_an_api_key_that_is_none_is_bad_input(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCOUT_API_KEY", "not a key")
    assert scout(home, "get", "ab" * 20) == 2
    said = capsys.readouterr().err
    assert "SCOUT_API_KEY: expected one line of visible ASCII characters" in said
    assert "not a key" not in said


def test_help_names_the_exit_codes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scout(home, "--help") == 0
    assert "Exit status" in capsys.readouterr().out


async def _in_thread(home: Path, *arguments: str) -> int:
    """The command starts an event loop of its own; the server needs this one."""
    return await asyncio.to_thread(scout, home, *arguments)
