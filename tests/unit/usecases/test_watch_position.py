"""The id of an event: what it says comes back from it, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from shared.errors import ErrorCode, ScoutError
from shared.usecases.watch_position import MAX_ID, Position, Read, position_of

HEAD = bytes(range(20))

POSITIONS = [
    Position("0"),
    Position("9223372036854775807"),
    Position("17-3f2a90c1", {0: Read(12), 2**31 - 1: Read(0)}),
    Position("3f2a90c1", {5: Read(None, HEAD), 0: Read(2**32 - 1)}),
]


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_what_it_says_comes_back(position: Position) -> None:
    assert position_of(str(position)) == position


def test_it_is_short_text_in_a_fixed_order() -> None:
    assert str(POSITIONS[3]) == f"3f2a90c1~0.4294967295~5.-.{HEAD.hex()}"


def test_a_full_record_of_lists_without_numbers_fits() -> None:
    full = Position("9223372036854775807-3f2a90c1", {2**31 - 1 - at: Read(None, HEAD) for at in range(973 // 26)})
    assert position_of(str(full)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "17~",
        "x",
        "17~0",
        "17~0.",
        "17~0.-",
        "17~0.-.00",
        "17~0.1~0.2",
        "17~01.2",
        "17~0.02",
        "17~2147483648.1",
        "17\n",
        "17~0.1 ",
        "1" * 21,
        "17" + "".join(f"~{member}.1" for member in range(MAX_ID // 4)),
    ],
)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    with pytest.raises(ScoutError) as caught:
        position_of(text)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
