"""Write the seed corpus: the golden datagrams, each by whoever would send it. `python -m fuzz.corpus`."""

from __future__ import annotations

from pathlib import Path

from tests.support import golden

FOLDER = Path(__file__).parent / "corpus"
FROM_A_STRANGER = b"\x00"
FROM_THE_ASKED = (1, 7, 13, 19, 25, 31, 37)
"""Odd bytes: each names another of the node's queries in flight."""


def seeds() -> dict[str, bytes]:
    """The inputs of `receive_datagram` by name."""
    asked = {f"query_{name}": FROM_A_STRANGER + data for name, data in golden.QUERIES.items()}
    answered = {
        f"reply_{name}": bytes([FROM_THE_ASKED[number % len(FROM_THE_ASKED)]]) + data
        for number, (name, data) in enumerate(golden.REPLIES.items())
    }
    return asked | answered


def write(folder: Path = FOLDER) -> None:
    """Write one file for each seed."""
    folder.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    write()
