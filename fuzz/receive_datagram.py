"""Fuzz `Node.receive_datagram` (atheris, libFuzzer): `python -m fuzz.receive_datagram corpus/ [libFuzzer options]`.

An input is one byte that says who sends, and a datagram. The marks of `tests.support.golden` in it are replaced by the
ids and tokens that the node would accept at this moment, which keeps the corpus good however those are made.
A node takes 256 inputs, then the next is made: a finding that does not repeat by itself needs those before it, which
come again with the same `-seed`.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["services", "shared"]):
    from tests.support.siege import Siege

INPUTS = 256
MOMENT = 0.02
"""Virtual seconds between two inputs: queries in flight are given up within the life of one node, and not at once."""


class Target:
    """Takes one input after another."""

    def __init__(self) -> None:
        self._renew()

    def __call__(self, data: bytes) -> None:
        """Let one datagram arrive; anything but an answer or a counted rejection raises."""
        if not data:
            return
        if not self._left:
            self._renew()
        self._left -= 1
        siege = self._siege
        asked = siege.asked[(data[0] >> 1) % len(siege.asked)]
        source = asked[1].address if data[0] & 1 else siege.strangers[0]
        siege.deliver(siege.filled(data[1:], source, asked), source)
        siege.pass_time(MOMENT)

    def _renew(self) -> None:
        self._siege = Siege(contacts=12, strangers=1)
        self._left = INPUTS


if __name__ == "__main__":
    atheris.Setup(sys.argv, Target())
    atheris.Fuzz()
