"""Which client a command works with, and what a link of each kind says when another is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scout.cli.main import run
from scout.profile import Profile, SavedLink, load_profile, save_profile
from shared.format import keys
from shared.format.scout2 import roots
from tests.support.ports import free_udp_port

PEER = keys.public_key(bytes([7] * 32)).hex()
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Path:
    for name in ("SCOUT_HOME", "SCOUT_URL", "SCOUT_API_KEY", "SCOUT_MODE", "SCOUT_BOOTSTRAP"):
        monkeypatch.delenv(name, raising=False)
    assert run(["keygen", "--home", str(tmp_path / "home")]) == 0
    capsys.readouterr()
    return tmp_path / "home"


def said(capture: Capture, home: Path, *arguments: str) -> Any:
    """A command's JSON; of one that fails the error."""
    status = run([*arguments, "--home", str(home), "--json"])
    out, err = capture.readouterr()
    return json.loads(err)["error"] if status else json.loads(out)


@pytest.mark.parametrize("mode", ["blind", "session"])
def test_a_link_of_ones_own_is_kept_in_a_file_and_nobody_is_asked(home: Path, capsys: Capture, mode: str) -> None:
    made = said(capsys, home, "link", "Ben & co", "--peer", PEER, f"--{mode}", "--url", "http://127.0.0.1:9")
    assert (made["mode"], made["format"]) == (mode, "scout2")
    saved = load_profile(home).link("Ben & co")
    assert (saved.link, saved.mode, saved.peer) == ("", mode, PEER)
    file = home / (saved.secret or "")
    assert (file.name, file.stat().st_mode & 0o777) == ("Ben%20%26%20co.secret", 0o600)
    assert json.loads(file.read_text())["secret"] not in (home / "profile.json").read_text()
    shared = said(capsys, home, "exchange", PEER)
    assert json.loads(Path(shared["file"]).read_text()) == json.loads(file.read_text())


def test_the_mode_is_remembered_and_may_be_named_anew(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(capsys, home, "link", "one", "--peer", PEER, "--session")["mode"] == "session"
    assert said(capsys, home, "link", "two", "--peer", PEER)["mode"] == "session"
    assert said(capsys, home, "--blind", "link", "three", "--peer", PEER)["mode"] == "blind"
    monkeypatch.setenv("SCOUT_MODE", "session")
    assert said(capsys, home, "link", "four", "--peer", PEER)["mode"] == "session"
    assert said(capsys, home, "link", "five", "--peer", PEER, "--blind")["mode"] == "blind"
    monkeypatch.setenv("SCOUT_MODE", "sneaky")
    assert "SCOUT_MODE: expected managed, blind, session" in said(capsys, home, "devices", "one")["detail"]
    assert (
        "expected one of --blind and --session"
        in said(capsys, home, "devices", "one", "--session", "--blind")["detail"]
    )


def test_another_secret_never_takes_a_links_place(home: Path, capsys: Capture) -> None:
    other = keys.public_key(bytes([8] * 32)).hex()
    said(capsys, home, "link", "ben", "--peer", PEER, "--blind")
    before = (home / "links" / "ben.secret").read_bytes()
    assert said(capsys, home, "link", "ben", "--peer", PEER, "--session")["mode"] == "session", "the same secret"
    refused = said(capsys, home, "link", "ben", "--peer", other, "--blind")
    assert "never overwritten" in refused["detail"]
    assert refused["hint"]
    assert (home / "links" / "ben.secret").read_bytes() == before


def test_a_link_that_no_service_has_says_how_to_hand_it_over(home: Path, capsys: Capture) -> None:
    said(capsys, home, "link", "ben", "--peer", PEER, "--blind")
    refused = said(capsys, home, "devices", "ben", "--managed")
    assert (refused["exit_code"], "there is only a secret, on this machine" in refused["detail"]) == (2, True)
    assert "links/ben.secret" in refused["hint"]


@pytest.mark.parametrize("mode", ["blind", "session"])
def test_a_link_that_only_a_service_has_says_so(home: Path, capsys: Capture, mode: str) -> None:
    save_profile(home, Profile(links={"ben": SavedLink(link="handle", format="scout2")}))
    refused = said(capsys, home, "devices", "ben", f"--{mode}")
    assert (refused["exit_code"], "service's handle only" in refused["detail"]) == (2, True)
    assert "scout --blind link ben" in refused["hint"]


def test_no_service_is_asked_of_a_session(home: Path, capsys: Capture) -> None:
    for command in (["dht", "status"], ["dht", "ping", "127.0.0.1:9"], ["dht", "lookup", "ab" * 20]):
        refused = said(capsys, home, *command, "--session")
        assert (refused["exit_code"], "a session has none" in refused["detail"]) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--bootstrap", "nowhere"], "expected host:port, got 'nowhere'"),
        (["--listen", "nowhere"], "expected host:port, got 'nowhere'"),
        (["--listen", "localhost:7"], "expected an IP address and a port"),
    ],
)
def test_bad_addresses_of_a_node_are_said_in_words(
    home: Path, capsys: Capture, arguments: list[str], expected: str
) -> None:
    refused = said(capsys, home, "put", "x", "--session", *arguments)
    assert (refused["exit_code"], expected in refused["detail"]) == (2, True)


def test_a_session_without_a_network_says_so(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scout.session.JOIN_WITHIN", 0.1)
    nobody = f"127.0.0.1:{free_udp_port('127.0.0.1')}"
    refused = said(capsys, home, "get", "ab" * 20, "--session", "--bootstrap", nobody)
    assert (refused["code"], refused["exit_code"]) == ("dht_unavailable", 3)
    assert (home / "node" / "dht.state").exists(), "it is the same node the next time"
    taken = said(capsys, home, "get", "ab" * 20, "--session", "--listen", "192.0.2.1:7")
    assert (taken["exit_code"], "expected a DHT node to start at 192.0.2.1:7" in taken["detail"]) == (3, True)


def test_a_secret_that_others_may_read_is_pointed_out(home: Path, capsys: Capture) -> None:
    (home / "secret.key").chmod(0o644)
    assert run(["exchange", PEER, "--home", str(home)]) == 0
    assert f"Others on this machine may read {home / 'secret.key'}" in capsys.readouterr().err


def test_options_of_a_command_stay_with_it(home: Path, capsys: Capture) -> None:
    # `up` has a --listen, a --state and a --bootstrap of its own; a mistake there is told by `up`
    assert run(["up", "--listen", "0.0.0.0:8080", "--home", str(home)]) == 2
    assert "loopback" in capsys.readouterr().err


def test_a_home_without_a_key_says_how_to_make_one(home: Path, capsys: Capture) -> None:
    (home / "secret.key").unlink()
    refused = said(capsys, home, "link", "ben", "--peer", PEER, "--blind")
    assert (refused["exit_code"], refused["hint"]) == (2, "`scout keygen` makes one.")


@pytest.mark.parametrize("mode", ["blind", "session"])
def test_an_address_that_only_a_service_sees_is_refused(home: Path, capsys: Capture, mode: str) -> None:
    said(capsys, home, "link", "ben", "--peer", PEER, f"--{mode}")
    refused = said(capsys, home, "announce", "ben", "auto:443")
    assert (refused["exit_code"], "auto:PORT is for a service" in refused["detail"]) == (2, True)


def test_a_link_of_another_key_is_not_taken_for_one_of_this_home(home: Path, capsys: Capture) -> None:
    saved = SavedLink(link="handle", format="scout2", peer=PEER, public_key=PEER)
    save_profile(home, Profile(links={"ben": saved}))
    refused = said(capsys, home, "devices", "ben", "--blind")
    assert (refused["exit_code"], "got another" in refused["detail"]) == (2, True)
    assert f"--peer {PEER} --key FILE" in refused["hint"]


def test_a_groups_words_are_asked_for_and_what_comes_of_them_is_kept(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "correct horse")
    made = said(capsys, home, "link", "family", "--group", "family", "--member", "3", "--session")
    assert (made["format"], made["member"], made["url"]) == ("scout2", 3, None)
    kept = json.loads((home / "links" / "family.secret").read_text())
    root = roots.of_group(roots.group_secret_of(b"correct horse", b"family"))
    assert kept == {"kind": "scout2-root-secret", "secret": root.hex(), "member": 3}
