from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.settings import (
    Endpoint,
    Reader,
    Secret,
    Setting,
    SettingsError,
    endpoint,
    flag,
    integer,
    listed,
    one_of,
    secret_hex,
    text,
)

PORT = Setting("SCOUT_PORT", integer(1, 65_535), default=8080)
NAME = Setting("SCOUT_NAME", text, required=True)
KEY = Setting("SCOUT_KEY", secret_hex(4), required=True)
MORE: Setting[list[str]] = Setting("SCOUT_MORE", listed(text), [])


def test_values_defaults_and_empty_variables() -> None:
    reader = Reader({"SCOUT_NAME": "a", "SCOUT_PORT": ""})
    assert (reader.read(NAME), reader.read(PORT)) == ("a", 8080)
    reader.finish()


def test_every_problem_is_named_at_once() -> None:
    reader = Reader({"SCOUT_PORT": "0", "SCOUT_KEY": "xyz"})
    reader.read(PORT)
    reader.read(NAME)
    reader.read(KEY)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    assert caught.value.problems == [
        "SCOUT_PORT: expected a whole number from 1 to 65535, got '0'",
        "SCOUT_NAME: expected a value, but neither it nor SCOUT_NAME_FILE is set",
        "SCOUT_KEY: expected 4 bytes as 8 hex digits, got 3 characters",
    ]
    assert str(caught.value).count("\n") == 2


def test_a_file_stands_for_a_variable_and_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("from the file\n", encoding="utf-8")
    reader = Reader({"SCOUT_NAME_FILE": str(tmp_path / "name"), "SCOUT_NAME": "from the variable"})
    assert reader.read(NAME) == "from the file"


def test_a_file_that_is_not_there_is_a_problem_with_its_name(tmp_path: Path) -> None:
    reader = Reader({"SCOUT_NAME_FILE": str(tmp_path / "absent")})
    reader.read(NAME)
    with pytest.raises(SettingsError, match=r"SCOUT_NAME_FILE: expected a readable file, got .*absent: No such file"):
        reader.finish()


def test_a_secret_does_not_show_itself() -> None:
    reader = Reader({"SCOUT_KEY": "deadbeef"})
    key = reader.read(KEY)
    assert key.reveal() == b"\xde\xad\xbe\xef"
    assert "dead" not in f"{key!r} {key}".lower()
    assert repr(Secret(b"x")) == "Secret(…)"


def test_a_wrong_secret_is_not_quoted() -> None:
    reader = Reader({"SCOUT_KEY": "deadbeefdeadbeef"})
    reader.read(KEY)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    assert "dead" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), ("example.org:65535", "example.org", 65_535)],
)
def test_endpoints(written: str, host: str, port: int) -> None:
    assert endpoint(written) == Endpoint(host, port)
    assert str(endpoint(written)) == written


@pytest.mark.parametrize("written", ["80", ":80", "host:", "host:65536", "host:-1", "host:http"])
def test_what_is_no_endpoint(written: str) -> None:
    with pytest.raises(ValueError, match="host:port, got"):
        endpoint(written)


def test_flags_lists_and_choices() -> None:
    assert [flag(word) for word in ("true", "YES", "1", "false", "no", "0")] == [True] * 3 + [False] * 3
    assert listed(endpoint)("a:1, b:2,") == [Endpoint("a", 1), Endpoint("b", 2)]
    assert one_of("json", "text")("json") == "json"
    with pytest.raises(ValueError, match="true or false, got 'maybe'"):
        flag("maybe")
    with pytest.raises(ValueError, match="one of json, text, got 'xml'"):
        one_of("json", "text")("xml")


@pytest.mark.parametrize("written", ["", "-", "1.5", "0x1", "11"])
def test_what_is_no_whole_number_in_range(written: str) -> None:
    with pytest.raises(ValueError, match="a whole number from -5 to 10"):
        integer(-5, 10)(written)


def test_a_wrong_value_in_a_file_is_named_by_the_files_variable(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abcd\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    problems = []
    for name in ("key", "empty", "noise", "."):
        reader = Reader({"SCOUT_KEY_FILE": str(tmp_path / name)})
        reader.read(KEY)
        with pytest.raises(SettingsError) as caught:
            reader.finish()
        problems += caught.value.problems
    assert problems == [
        "SCOUT_KEY_FILE: expected 4 bytes as 8 hex digits, got 4 characters",
        f"SCOUT_KEY_FILE: expected a value in the file, got an empty one: {tmp_path}/empty",
        f"SCOUT_KEY_FILE: expected a text file in UTF-8, got other bytes in {tmp_path}/noise",
        f"SCOUT_KEY_FILE: expected a readable file, got {tmp_path}: Is a directory",
    ]


def test_what_holds_is_told_with_its_origin_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("deadbeef", encoding="utf-8")
    reader = Reader({"SCOUT_PORT": "1", "SCOUT_KEY_FILE": str(tmp_path / "key")})
    reader.read(PORT)
    reader.read(replace(KEY, secret=True))
    reader.read(MORE)
    reader.read(Setting("SCOUT_ON", flag, default=True))
    assert list(map(str, reader.effective)) == [
        "SCOUT_PORT = 1 (environment)",
        f"SCOUT_KEY = (hidden) (file {tmp_path}/key)",
        "SCOUT_MORE = none (default)",
        "SCOUT_ON = true (default)",
    ]
    assert reader.settings_of([]) == ["SCOUT_MORE"]


def test_variables_that_are_no_settings_are_known_and_what_may_be_meant() -> None:
    others = {
        "SCOUT_PROT": "1",
        "SCOUT_NAMES": "a",
        "SCOUT_KEY_FIEL": "/x",
        "SCOUT_DHT_LISTEN": "x",
        "SCOUT_API_PORT": "tcp://10.0.0.1:80",
        "SCOUT_API_PORT_80_TCP_ADDR": "10.0.0.1",
        "SCOUT_API_SERVICE_PORT_HTTP": "80",
        "PATH": "/bin",
    }
    reader = Reader({"SCOUT_NAME": "a", **others})
    reader.read(PORT)
    reader.read(NAME)
    reader.read(KEY)
    assert reader.unknown() == {
        "SCOUT_DHT_LISTEN": "",
        "SCOUT_KEY_FIEL": "SCOUT_KEY_FILE",
        "SCOUT_NAMES": "SCOUT_NAME",
        "SCOUT_PROT": "SCOUT_PORT",
    }
