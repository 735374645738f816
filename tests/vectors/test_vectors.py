"""The original's vectors agree with our code, and the checker itself can fail."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import AGREED, MALFORMED, MISMATCHED, main
from tests.vectors.document import Document, MalformedFileError, load
from tests.vectors.report import run

SHIPPED = Path(__file__).parent / "data" / "scout1_vectors.json"
Place = tuple[Any, ...]

SAYS_NOTHING = {
    "entries_parse": "what is malformed stays so, and skipped bytes are skipped whatever they are",
    "decrypt_buffer": "what does not open still does not",
    "message_dht_blob_read": "the same as entries_parse",
    "client_packets": "a local content that a newer one replaced",
    "dht_dat_example": "a figure of the state file",
    "hardened_id_124_31_75_21_rand_seed_1": "the id's random bits",
}
"""Sections that hold some digit whose flip makes another correct vector, and which."""

ONE_DIGIT_EACH: list[tuple[Place, int]] = [
    (("keypairs", 0, "public"), 3),
    (("key_exchange", 4, "shared"), 60),
    (("key_exchange_low_order", 1, "public"), 40),
    (("shared_secret_to_ed25519", 2, "dht_target_salted", 3, "target"), 0),
    (("entries_serialize", 1, "bytes"), 20),
    (("entries_serialize", 10, "bytes"), 27),
    (("entries_256_count_wraps", "first_2_bytes"), 1),
    (("entries_parse", 8, "entries", 0, "content"), 1),
    (("encrypt_buffer", 2, "buffer"), 55),
    (("decrypt_buffer", 0, "buffer"), 70),
    (("message_dht_blob_write", 5, "dht_target"), 39),
    (("message_dht_blob_read", 2, "blob"), 50),
    (("list_head", 3, "head"), 8),
    (("bep44_signature", 6, "signature"), 100),
    (("bep44_published_vectors_through_DhtImpl", 1, "signature"), 12),
    (("client_packets", "put_1_get_query"), 90),
    (("client_packets", "sync_no_local_entries", "v_plaintext"), 30),
    (("client_packets", "sync_all_local_newer", "put_query"), 250),
    (("dht_dat_example",), 1),
    (("bep42_prefix_crc32c", 2, "crc32c"), 7),
    (("hardened_id_124_31_75_21_rand_seed_1",), 4),
]


def shipped() -> dict[str, Any]:
    sections: dict[str, Any] = json.loads(SHIPPED.read_text())
    return sections


def hex_places(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        if re.fullmatch("[0-9a-f]+", value):
            yield place, value
    elif isinstance(value, dict | list):
        for name, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from hex_places(child, (*place, name))


def with_digit_flipped(sections: dict[str, Any], place: Place, at: int) -> dict[str, Any]:
    mutated = copy.deepcopy(sections)
    holder: Any = mutated
    for name in place[:-1]:
        holder = holder[name]
    text = holder[place[-1]]
    holder[place[-1]] = f"{text[:at]}{int(text[at], 16) ^ 1:x}{text[at + 1 :]}"
    return mutated


def mismatches(sections: dict[str, Any]) -> list[str]:
    return [mismatch for result in run(Document(sections)) for mismatch in result.mismatches]


def test_the_shipped_vectors_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SHIPPED)]) == AGREED
    assert capsys.readouterr().out.endswith("total: 126 checked, 0 mismatched, 0 with no known check\n")


@pytest.mark.parametrize(("place", "at"), ONE_DIGIT_EACH)
def test_a_flipped_digit_is_reported_with_its_place(place: Place, at: int) -> None:
    found = mismatches(with_digit_flipped(shipped(), place, at))
    index = place[1] if len(place) > 1 and place[0] != "entries_256_count_wraps" else 0
    assert any(mismatch.startswith(f"{place[0]}[{index}]: ") for mismatch in found), found


def test_every_section_has_a_flip_of_its_own() -> None:
    without_hex = {"serialize_into_1000_byte_buffer", "list_head_parse"}
    assert {place[0] for place, _ in ONE_DIGIT_EACH} | without_hex == set(shipped()) - {"_about"}


def test_a_digit_flipped_anywhere_is_reported_unless_it_says_nothing() -> None:
    sections, dice = shipped(), random.Random(44)  # a choice of digits, the same every time
    for place, text in hex_places({name: value for name, value in sections.items() if name not in SAYS_NOTHING}):
        assert mismatches(with_digit_flipped(sections, place, dice.randrange(len(text)))), place


def test_no_flip_at_all_crashes_the_checker() -> None:
    sections, dice = shipped(), random.Random(45)  # a choice of digits, the same every time
    for place, text in hex_places({name: sections[name] for name in SAYS_NOTHING}):
        mismatches(with_digit_flipped(sections, place, dice.randrange(len(text))))


@pytest.mark.parametrize(
    ("section", "index", "name", "value"),
    [
        ("serialize_into_1000_byte_buffer", 1, "bencoded_v_size", 1001),
        ("list_head_parse", 0, "ok", True),
        ("entries_serialize", 2, "rest", 1),
        ("key_exchange_low_order", 0, "libsodium_rc", 0),
        ("bep44_published_vectors_through_DhtImpl", 0, "DhtImpl_Verify", False),
    ],
)
def test_a_wrong_figure_is_reported(section: str, index: int, name: str, value: object) -> None:
    sections = shipped()
    sections[section][index][name] = value
    assert [mismatch for mismatch in mismatches(sections) if mismatch.startswith(f"{section}[{index}]: ")]


def test_a_low_order_key_that_is_none_is_reported() -> None:
    sections = shipped()
    sections["key_exchange_low_order"][0]["public"] = sections["keypairs"][0]["public"]
    assert mismatches(sections)


def test_missing_and_unknown_sections_are_counted_not_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = shipped()
    partial = {
        "_about": "words",
        "keypairs": sections["keypairs"][:2],
        "quantum_keys": [{"a": 1}, {"a": 2}],
        "client_packets": {**sections["client_packets"], "novelty": "00"},
    }
    file = tmp_path / "partial.json"
    file.write_text(json.dumps(partial))
    assert main([str(file)]) == AGREED
    printed = capsys.readouterr().out
    assert "keypairs: 2 checked\n" in printed
    assert "quantum_keys: 0 checked, 2 with no known check\n" in printed
    assert printed.endswith("total: 12 checked, 0 mismatched, 3 with no known check\n")


def test_a_mismatch_is_an_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mutated.json"
    file.write_text(json.dumps(with_digit_flipped(shipped(), ("keypairs", 5, "public"), 0)))
    assert main([str(file)]) == MISMATCHED
    assert re.search(r"MISMATCH keypairs\[5\]: public key: expected [0-9a-f]{64}, got", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "expected JSON"),
        ("[]", "expected an object of sections"),
        ('{"keypairs": [{"public": "00"}]}', r"keypairs\[0\]: expected 'secret' of type str, got None"),
        ('{"keypairs": [{"secret": "zz", "public": "00"}]}', r"keypairs\[0\]: expected hex digits in 'secret'"),
        ('{"keypairs": [7]}', r"keypairs\[0\]: expected an object"),
        ('{"bep42_prefix_crc32c": [{"ip": "1.2.3", "random": 1, "crc32c": "00000000"}]}', "expected an IPv4 address"),
    ],
)
def test_a_malformed_file_is_named(
    content: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "malformed.json"
    file.write_text(content)
    assert main([str(file)]) == MALFORMED
    assert re.search(complaint, capsys.readouterr().err)


def test_a_value_that_our_code_refuses_is_a_mismatch() -> None:
    assert mismatches({"keypairs": [{"secret": "00", "public": "00"}]}) == [
        "keypairs[0]: refused with FieldError: expected a secret key of 32 bytes, got 1"
    ]


def test_a_missing_file_and_a_missing_argument_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/at/all.json"]) == MALFORMED
    assert main([]) == MALFORMED
    assert "No such file" in capsys.readouterr().err


def test_load_gives_sections() -> None:
    assert set(load(SHIPPED).sections) == set(shipped())
    with pytest.raises(MalformedFileError):
        load(SHIPPED.parent)
