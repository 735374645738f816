"""The command against the whole stack: two homes are two people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scout.cli.main import run
from services.standalone.app import Stack

Capture = pytest.CaptureFixture[str]


@dataclass
class Person:
    """Somebody with a home, a service and a terminal."""

    home: Path
    url: str
    capture: Capture

    def scout(self, *arguments: str, status: int = 0) -> Any:
        """Run a command for its JSON: the result, or with a status other than 0 the error."""
        ended = run([*arguments, "--home", str(self.home), "--url", self.url, "--json"])
        out, err = self.capture.readouterr()
        assert ended == status, err
        return json.loads(err)["error"] if status else json.loads(out)


@pytest.fixture
def ada(stack: Stack, tmp_path: Path, capsys: Capture) -> Person:
    return Person(tmp_path / "ada", stack.api_url, capsys)


@pytest.fixture
def ben(stack: Stack, tmp_path: Path, capsys: Capture) -> Person:
    return Person(tmp_path / "ben", stack.api_url, capsys)


def befriend(ada: Person, ben: Person) -> None:
    adas, bens = ada.scout("keygen")["public_key"], ben.scout("keygen")["public_key"]
    members = ada.scout("link", "ben", "--peer", bens)["member"], ben.scout("link", "ada", "--peer", adas)["member"]
    assert set(members) == {0, 1}


def test_two_people_find_each_other_and_leave_messages(ada: Person, ben: Person) -> None:
    befriend(ada, ben)
    ada.scout("announce", "ben", "198.51.100.4:443", "--name", "Ada's phone", "--data", "hello")
    ben.scout("announce", "ada", "192.0.2.77:51820", "[2001:db8::7]:51820", "--name", "Ben's laptop", "--device", "9")
    seen = {device["name"]: device for device in ada.scout("devices", "ben")["devices"]}
    assert seen["Ben's laptop"]["addresses"] == ["192.0.2.77:51820", "[2001:db8::7]:51820"]
    assert seen["Ben's laptop"]["id"] == 9
    assert seen.keys() == {"Ada's phone", "Ben's laptop"}
    assert ben.scout("send", "ada", "one")["number"] == 1
    assert ben.scout("send", "ada", "two")["number"] == 2
    inbox = ada.scout("inbox", "ben")["messages"]
    assert [message["number"] for message in inbox] == [1, 2]
    assert [message["body"] for message in ada.scout("inbox", "ben", "--after", "1")["messages"]] == ["dHdv"]


def test_announcing_again_is_the_same_device(ada: Person, ben: Person) -> None:
    befriend(ada, ben)
    first = ada.scout("announce", "ben", "198.51.100.4:443")["device"]
    assert ada.scout("announce", "ben", "198.51.100.5:443")["device"] == first
    (device,) = ben.scout("devices", "ada")["devices"]
    assert device["addresses"] == ["198.51.100.5:443"]


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
def test_a_link_by_an_exchanged_secret_meets_one_by_handles(
    ada: Person, ben: Person, tmp_path: Path, format_name: str
) -> None:
    adas, bens = ada.scout("keygen")["public_key"], ben.scout("keygen")["public_key"]
    ben.scout("link", "ada", "--peer", adas, "--format", format_name)
    secret = ada.scout("exchange", bens, "--out", str(tmp_path / "shared"), "--format", format_name)["file"]
    assert ada.scout("link", "ben", "--secret", secret)["format"] == format_name
    ada.scout("sync", "ben", "--set", "7=seven")
    (entry,) = ben.scout("sync", "ada")["entries"]
    assert (entry["id"], entry["value"]) == (7, "c2V2ZW4")
    assert ben.scout("sync", "ada", "--remove", "7")["entries"] == []


def test_a_person_reads_tables_and_sentences(ada: Person, ben: Person) -> None:
    befriend(ada, ben)
    ben.scout("send", "ada", "see you at eight")
    common = ["--home", str(ada.home), "--url", ada.url]
    assert run(["announce", "ben", "198.51.100.4:443", "--name", "phone", *common]) == 0
    assert "stored by" in ada.capture.readouterr().out
    assert run(["devices", "ben", *common]) == 0
    assert "198.51.100.4:443" in ada.capture.readouterr().out
    assert run(["inbox", "ben", *common]) == 0
    assert "see you at eight" in ada.capture.readouterr().out


def test_items(ada: Person) -> None:
    stored = ada.scout("put", "for everybody")
    assert ada.scout("get", stored["hash"])["text"] == "for everybody"
    assert ada.scout("get", "ab" * 20, status=1)["code"] == "not_found"


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["link", "zero", "--peer", "00" * 32], 2, "low_order_public_key"),
        (["announce", "ben", "nowhere:443"], 2, "invalid_request"),
        (["announce", "ben", "198.51.100.4:443", "--data", "x" * 939], 1, "record_full"),
        (["send", "ben", "x" * 894], 2, "message_too_large"),
        (["send", "ben", "plain", "--no-seal"], 2, "invalid_request"),
        (["put", "x" * 997], 2, "item_too_large"),
        (["get", "xyz"], 2, "usage"),
        (["sync", "ben", *(f"--set={id_}={'x' * 255}" for id_ in range(4))], 1, "record_full"),
    ],
)
def test_bad_input_is_refused_with_its_code(
    ada: Person, ben: Person, arguments: list[str], status: int, code: str
) -> None:
    befriend(ada, ben)
    error = ada.scout(*arguments, status=status)
    assert (error["code"], error["exit_code"]) == (code, status)
    assert ada.scout("devices", "ben")["devices"] == []


def test_a_handle_of_another_service_is_refused_with_what_to_do(ada: Person, ben: Person) -> None:
    befriend(ada, ben)
    profile = ada.home / "profile.json"
    saved = json.loads(profile.read_text())
    handle = saved["links"]["ben"]["link"]
    saved["links"]["ben"]["link"] = handle[:-2] + ("AA" if handle[-2:] != "AA" else "BB")
    profile.write_text(json.dumps(saved))
    error = ada.scout("devices", "ben", status=1)
    assert error["code"] == "bad_handle"
    assert "scout link" in error["hint"]


def test_the_dht_as_the_services_node_sees_it(ada: Person, stack: Stack) -> None:
    status = ada.scout("dht", "status")
    assert status["ready"]
    assert status["good_contacts"] >= 8
    assert status["canary_failures"] == 0
    other = stack.swarm[3]
    pinged = ada.scout("dht", "ping", str(other))
    assert pinged["answered"]
    assert pinged["seen_as"] == str(stack.dht)
    found = ada.scout("dht", "lookup", pinged["node_id"])
    assert found["nodes"][0] == {"node_id": pinged["node_id"], "address": str(other)}
    assert len(found["nodes"]) == 8
    assert found["lookup"]["answered"] >= 8


def test_a_ping_into_the_void_says_so(ada: Person) -> None:
    assert run(["dht", "ping", "127.81.250.1:9", "--home", str(ada.home), "--url", ada.url]) == 1
    assert "No answer from 127.81.250.1:9" in ada.capture.readouterr().out


def test_a_person_reads_how_the_node_is_and_who_is_near(ada: Person) -> None:
    common = ["--home", str(ada.home), "--url", ada.url]
    assert run(["dht", "status", *common]) == 0
    assert "own item read back" in ada.capture.readouterr().out
    assert run(["dht", "lookup", "ab" * 20, *common]) == 0
    out, err = ada.capture.readouterr()
    assert out.count("127.81.") == 8
    assert "nodes answered" in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ping", "nowhere"], "usage"),
        (["ping", "224.0.0.1:6881"], "invalid_request"),
        (["lookup", "beef"], "invalid_request"),
    ],
)
def test_bad_input_of_the_dht_commands(ada: Person, arguments: list[str], code: str) -> None:
    assert ada.scout("dht", *arguments, status=2)["code"] == code


def _entry_points(stack: Stack) -> list[str]:
    return [f"--bootstrap={one}" for one in stack.swarm[:2]]


def test_the_doctor_finds_nothing_amiss(ada: Person, stack: Stack) -> None:
    found = ada.scout("doctor", *_entry_points(stack))
    assert found["healthy"]
    checks = {check["check"]: check for check in found["checks"]}
    assert {check["verdict"] for check in found["checks"]} == {"ok"}
    assert list(checks) == [
        *(f"bootstrap {one}" for one in stack.swarm[:2]),
        *("udp", "source port", "network", "nodes", "service", "clocks", "redis", "dht node"),
    ]
    assert "private DHT" in checks["network"]["said"]


def test_a_person_reads_one_line_for_each_check(ada: Person, stack: Stack) -> None:
    assert run(["doctor", *_entry_points(stack), "--home", str(ada.home), "--url", ada.url]) == 0
    lines = ada.capture.readouterr().out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("ok ") for line in lines)


def test_the_doctor_with_nothing_in_reach_says_what_to_do(ada: Person) -> None:
    nowhere = ["--bootstrap=127.81.250.1:9", "--bootstrap=no.such.name.invalid:6881", "--url=http://127.0.0.1:9"]
    assert run(["doctor", *nowhere, "--home", str(ada.home), "--json"]) == 1
    out, err = ada.capture.readouterr()
    assert "Traceback" not in err
    found = json.loads(out)
    assert not found["healthy"]
    assert {check["check"]: check["verdict"] for check in found["checks"]} == {
        "bootstrap 127.81.250.1:9": "warning",
        "bootstrap no.such.name.invalid:6881": "warning",
        "udp": "failed",
        "service": "failed",
    }
    assert all(check["advice"] for check in found["checks"])
