from __future__ import annotations

import pytest

from services.dht_node.core.events import (
    ImmutableFound,
    Isolated,
    LookupCounts,
    MutableFound,
    NodesFound,
    Outcome,
    PeersFound,
    Pinged,
    Stored,
)
from services.dht_node.lookup_meters import LookupOutcome, outcome_of

DONE = LookupCounts(asked=9, answered=8, timed_out=1, hops=2, seconds=0.5, complete=True)
CUT_SHORT = LookupCounts(asked=9, answered=3, timed_out=0, hops=2, seconds=0.5, complete=False)
SILENCE = LookupCounts(asked=9, answered=0, timed_out=9, hops=0, seconds=4.0, complete=True)
WARM = LookupCounts(asked=0, answered=0, timed_out=0, hops=0, seconds=0.0)


def put(lookup: LookupCounts, *, asked: int = 8, stored: int = 0, conflict: bool = False) -> Stored:
    return Stored(
        operation=1,
        target=bytes(20),
        conflict=conflict,
        asked=asked,
        answered=asked,
        stored=stored,
        timed_out=0,
        prefixes=0,
        shared_bits=0,
        seconds=0.1,
        lookup=lookup,
    )


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (Isolated(1), LookupOutcome.UNAVAILABLE),
        (ImmutableFound(1, b"1:a", CUT_SHORT), LookupOutcome.FOUND),
        (ImmutableFound(1, None, DONE), LookupOutcome.NOT_FOUND),
        (MutableFound(1, (), DONE), LookupOutcome.NOT_FOUND),
        (MutableFound(1, (), CUT_SHORT), LookupOutcome.DEADLINE_EXCEEDED),
        (MutableFound(1, (), SILENCE), LookupOutcome.UNAVAILABLE),
        (PeersFound(1, (("192.0.2.1", 1),), DONE), LookupOutcome.FOUND),
        (NodesFound(1, (), SILENCE), LookupOutcome.UNAVAILABLE),
        (put(DONE, stored=3), LookupOutcome.STORED),
        (put(WARM, stored=3), LookupOutcome.STORED),
        (put(DONE, stored=3, conflict=True), LookupOutcome.CONFLICT),
        (put(DONE, asked=0, conflict=True), LookupOutcome.CONFLICT),
        (put(WARM), LookupOutcome.NOT_STORED),
        (put(DONE, asked=0), LookupOutcome.NOT_STORED),
        (put(CUT_SHORT, asked=0), LookupOutcome.DEADLINE_EXCEEDED),
        (put(SILENCE, asked=0), LookupOutcome.UNAVAILABLE),
    ],
)
def test_how_a_lookup_counts(ended: Outcome, outcome: LookupOutcome) -> None:
    assert outcome_of(ended) is outcome


def test_a_ping_is_no_lookup() -> None:
    with pytest.raises(TypeError):
        outcome_of(Pinged(1, None, None, 0.1))
