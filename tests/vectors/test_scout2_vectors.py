"""scout2's vectors agree with our code, and the checker itself can fail."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import scout2_reference
from tests.vectors.__main__ import AGREED, MISMATCHED, main
from tests.vectors.document import Document, MalformedFileError
from tests.vectors.report import run
from tests.vectors.test_vectors import hex_places, mismatches, with_digit_flipped

SHIPPED = Path(__file__).parent / "data" / "scout2_vectors.json"


def shipped() -> dict[str, Any]:
    sections: dict[str, Any] = json.loads(SHIPPED.read_text())
    return sections


def test_the_shipped_vectors_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SHIPPED)]) == AGREED
    assert capsys.readouterr().out.endswith("total: 19 checked, 0 mismatched, 0 with no known check\n")


@pytest.mark.parametrize("seed", range(4))
def test_another_file_of_the_same_layout_agrees(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.json"
    sections = scout2_reference.document(seed, 5)
    file.write_text(json.dumps(sections))
    assert main([str(file)]) == AGREED
    checked = sum(len(section) for section in sections.values())
    assert capsys.readouterr().out.endswith(f"total: {checked} checked, 0 mismatched, 0 with no known check\n")


def test_a_digit_flipped_anywhere_is_reported() -> None:
    dice = random.Random(46)  # a choice of digits, the same every time
    sections = shipped()
    del sections["merges"]  # a loser's value says nothing
    del sections["passphrases"]  # a second of Argon2 each: below
    for name, section in sections.items():
        for place, text in hex_places({name: section}):
            # the lowest bits of an X25519 secret's first byte say nothing (RFC 7748, section 5)
            at = dice.randrange(2 if place[-1] in {"secret_a", "secret_b"} else 0, len(text))
            found = mismatches(with_digit_flipped({name: section}, place, at))
            assert found, place
            assert all(line.startswith(f"{name}[{place[1]}]: ") for line in found)


@pytest.mark.parametrize(
    ("section", "index", "name", "value"),
    [
        ("pairs", 0, "member_a", 1),
        ("pairs", 1, "phase", 1),
        ("pairs", 2, "epoch", 19_000),
        ("pairs", 0, "time", 1_600_000_000),
        ("records", 1, "seq", 7),
        ("records", 1, "entries", [[1, 1_700_000_000_000, 86_401, ""]]),
        ("messages", 0, "number", 2),
        ("messages", 2, "sent_at", 1),
        ("messages", 1, "next", None),
        ("merges", 0, "wins", [9, 1, 60, "61"]),
        ("merges", 2, "wins", [9, 5, 60, "61"]),
    ],
)
def test_a_wrong_figure_is_reported(section: str, index: int, name: str, value: object) -> None:
    sections = {section: shipped()[section]}
    assert not mismatches(sections)
    sections[section][index][name] = value
    assert [mismatch for mismatch in mismatches(sections) if mismatch.startswith(f"{section}[{index}]: ")]


def test_a_wrong_passphrase_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mutated.json"
    file.write_text(json.dumps({"passphrases": [{**shipped()["passphrases"][0], "group": "66616d"}]}))
    assert main([str(file)]) == MISMATCHED
    assert "MISMATCH passphrases[0]: root: expected " in capsys.readouterr().out


def test_an_entry_of_another_shape_is_malformed() -> None:
    sections = {"merges": [{**shipped()["merges"][0], "a": [9, 1, 60]}]}
    with pytest.raises(MalformedFileError, match=r"merges\[0\]: expected an entry"):
        run(Document(sections))
