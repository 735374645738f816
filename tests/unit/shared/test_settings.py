from __future__ import annotations

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
