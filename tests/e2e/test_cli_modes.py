"""Every command by a service, by a service that is blind, and by a node of one's own: the same answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from scout.cli.main import run
from scout.modes import Mode
from services.standalone.app import Stack
from shared.format import keys

Capture = pytest.CaptureFixture[str]

VARYING = {
    *("asked", "answered", "stored", "rejected", "timed_out", "prefixes", "closest_distance", "elapsed_ms"),
    *("kept_until", "written", "expires", "sent"),
    *("seq", "target", "cursor", "public_key", "mode"),
}
OF_HTTP = {"request_id", "url"}
TO_THE_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class Person:
    """Somebody with a home, a terminal, and one way to the DHT."""

    home: Path
    way: list[str]
    capture: Capture

    def scout(self, *arguments: str) -> tuple[int, str, str]:
        """A command's exit status, output and errors."""
        status = run([*arguments, *self.way, "--home", str(self.home)])
        out, err = self.capture.readouterr()
        return status, out.replace(str(self.home), "HOME"), err.replace(str(self.home), "HOME")

    def asked(self, *arguments: str) -> Any:
        """A command's JSON, with whatever differs from one time to the next masked; of one that fails the error."""
        status, out, err = self.scout(*arguments, "--json")
        answer = masked(json.loads(err or out))
        if status and not answer["error"].get("facts"):
            answer["error"].pop("facts", None)  # where nothing but the request's id stood
        return status, answer

    def told(self, *arguments: str) -> tuple[int, str, str]:
        """What a person reads, with whatever differs from one time to the next masked."""
        status, out, err = self.scout(*arguments)
        return status, plain(out), plain(err)


@dataclass
class Pair:
    """Two who share a secret, and nothing else with any other pair."""

    ada: Person
    ben: Person

    def share(self, secret: bytes) -> list[Any]:
        """Link them; what each was answered."""
        said = []
        for person, name, member in ((self.ada, "ben", "0"), (self.ben, "ada", "1")):
            person.home.mkdir()
            (person.home / "group.secret").write_text(secret.hex())
            said.append(person.asked("link", name, "--secret", str(person.home / "group.secret"), "--member", member))
        return said


def masked(value: Any) -> Any:
    """JSON without what counts nodes or depends on the moment; that it is there, and of which type, stays."""
    if isinstance(value, list):
        return [masked(one) for one in value]
    if not isinstance(value, dict):
        return value
    until = value.get("kept_until")
    assert until is None or TO_THE_SECOND.fullmatch(until)
    known = {name: one for name, one in value.items() if name not in OF_HTTP}
    return {name: name if name in VARYING and one is not None else masked(one) for name, one in known.items()}


def plain(text: str) -> str:
    """A person's text without counts and moments."""
    text = text.replace(" while a session is open", "")
    text = re.sub(r"stored by \d+ of \d+ nodes so far(, \d+ did not answer)?", "stored by N", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "THEN", text)
    text = re.sub(r"Record at seq \d+", "Record at seq N", text)
    return re.sub(r"--cursor \S+", "--cursor C", text)


@pytest.fixture
def pair(stack: Stack, tmp_path: Path, capsys: Capture) -> Callable[[Mode], Pair]:
    def made(mode: Mode) -> Pair:
        way = [f"--bootstrap={node}" for node in stack.swarm[:2]] if mode is Mode.SESSION else ["--url", stack.api_url]
        ada, ben = (Person(tmp_path / f"{name}-{mode}", [f"--{mode}", *way], capsys) for name in ("ada", "ben"))
        return Pair(ada, ben)

    return made


def a_record(pair: Pair, secret: bytes) -> Iterator[Any]:
    yield from pair.share(secret)
    ada, ben = pair.ada, pair.ben
    yield ada.asked("devices", "ben")
    yield ada.asked("announce", "ben", "198.51.100.4:443", "[2001:db8::1]:443", "--name", "phone", "--device=1")
    yield ben.told("announce", "ada", "--data", "hello", "--keep", "7d", "--device=2")
    yield ben.asked("devices", "ada")
    yield ada.told("devices", "ben")
    yield ada.asked("sync", "ben", "--set", "7=seven", "--set", "8=eight")
    yield ben.told("sync", "ada", "--remove", "8")
    yield ben.asked("sync", "ada", "--remove", "8")


def a_mailbox(pair: Pair, secret: bytes) -> Iterator[Any]:
    pair.share(secret)
    ada, ben = pair.ada, pair.ben
    yield ben.asked("send", "ada", "one")
    yield ben.told("send", "ada", "two")
    yield ada.asked("inbox", "ben")
    yield ada.told("inbox", "ben", "--limit", "1")
    yield ada.asked("ack", "ben", "1")
    yield ada.told("ack", "ben")
    yield ben.asked("ack", "ada")
    yield ben.asked("inbox", "ada")
    yield ben.told("inbox", "ada")


def keys_and_items(pair: Pair, secret: bytes) -> Iterator[Any]:
    ada = pair.ada
    yield ada.asked("keygen")
    yield ada.asked("keygen")
    # whose key is the higher one is chance, and so is the member number
    peer = keys.public_key(secret).hex()
    yield sorted(ada.asked("exchange", peer)[1])
    yield sorted(ada.asked("link", "ben", "--peer", peer)[1])
    stored = ada.asked("put", "for everybody")
    yield stored
    yield ada.told("put", "for everybody")
    yield ada.asked("get", stored[1]["hash"])
    yield ada.told("get", stored[1]["hash"])
    yield ada.asked("get", stored[1]["hash"], "--out", str(ada.home / "fetched"))
    yield (ada.home / "fetched").read_text()
    yield ada.asked("get", "ab" * 20)


def mistakes(pair: Pair, secret: bytes) -> Iterator[Any]:
    pair.share(secret)
    for arguments in (
        ("link", "zero", "--peer", "00" * 32),
        ("link", "zero", "--peer", "xyz"),
        ("link", "zero", "--secret", str(pair.ada.home / "group.secret")),
        ("devices", "nobody"),
        ("announce", "ben", "nowhere:443", "--device=1"),
        ("announce", "ben", "198.51.100.4:443", "--data", "x" * 939, "--device=1"),
        ("sync", "ben", *(f"--set={id_}={'x' * 255}" for id_ in range(4))),
        ("send", "ben", "x" * 894),
        ("send", "ben", "plain", "--no-seal"),
        ("inbox", "ben", "--cursor", "nonsense"),
        ("ack", "ben", "1"),
        ("ack", "ben", "1", "--member", "0"),
        ("put", "x" * 997),
        ("get", "xyz"),
    ):
        yield pair.ada.asked(*arguments)
    yield pair.ada.told("send", "ben", "x" * 894)
    yield pair.ada.told("devices", "nobody")


@pytest.mark.parametrize("story", [a_record, a_mailbox, keys_and_items, mistakes])
def test_every_mode_gives_the_same_answers(
    pair: Callable[[Mode], Pair], story: Callable[[Pair, bytes], Iterator[Any]]
) -> None:
    # another record for each mode and story, at another place in the DHT
    secrets = {mode: f"{mode} {story.__name__}".encode().ljust(32) for mode in Mode}
    heard = {mode: list(story(pair(mode), secrets[mode])) for mode in Mode}
    for mode in (Mode.BLIND, Mode.SESSION):
        both = zip(heard[Mode.MANAGED], heard[mode], strict=True)
        assert [(managed, other) for managed, other in both if managed != other] == []


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
def test_what_the_service_has_made_of_ones_own_key_is_used_without_it_too(
    pair: Callable[[Mode], Pair], format_name: str
) -> None:
    ada = pair(Mode.MANAGED).ada
    ada.asked("keygen")
    assert ada.asked("link", "ben", "--peer", keys.public_key(b"\x55" * 32).hex(), "--format", format_name)[0] == 0
    ada.asked("announce", "ben", "198.51.100.4:443", "--device", "5")
    for mode in Mode:
        status, found = replace(pair(mode).ada, home=ada.home).asked("devices", "ben")
        assert (status, [device["id"] for device in found["devices"]]) == (0, [5])
