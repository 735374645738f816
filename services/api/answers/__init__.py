"""What goes out as JSON; `schemas` has what comes in. What stands below a field is its documentation.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`.
"""

from __future__ import annotations

from services.api.answers.base import (
    Answered,
    EntryAnswer,
    KeptAnswer,
    LookupAnswer,
    Problem,
    SizedEntry,
    StoringAnswer,
)
from services.api.answers.records import (
    DeviceAnswer,
    DevicesAnswer,
    GapAnswer,
    InboxAnswer,
    MessageAnswer,
    MoreAnswer,
    PassedOverAnswer,
    ReceiptAnswer,
    RecordAnswer,
    SentAnswer,
    WrittenAnswer,
)
from services.api.answers.relay import (
    AheadAnswer,
    AnnouncedAnswer,
    ItemAnswer,
    ItemStoredAnswer,
    MutableAnswer,
    PeersAnswer,
    RelayedAnswer,
    VersionAnswer,
)
from services.api.answers.service import (
    DeadLetterAnswer,
    DeadLettersAnswer,
    FleetAnswer,
    KeyAnswer,
    LinkAnswer,
    NearestAnswer,
    NodeAnswer,
    PingAnswer,
    ProblemAnswer,
    ProcessAnswer,
    ProcessState,
    RewrappedAnswer,
    RootAnswer,
    StatusAnswer,
)

__all__ = [
    "AheadAnswer",
    "AnnouncedAnswer",
    "Answered",
    "DeadLetterAnswer",
    "DeadLettersAnswer",
    "DeviceAnswer",
    "DevicesAnswer",
    "EntryAnswer",
    "FleetAnswer",
    "GapAnswer",
    "InboxAnswer",
    "ItemAnswer",
    "ItemStoredAnswer",
    "KeptAnswer",
    "KeyAnswer",
    "LinkAnswer",
    "LookupAnswer",
    "MessageAnswer",
    "MoreAnswer",
    "MutableAnswer",
    "NearestAnswer",
    "NodeAnswer",
    "PassedOverAnswer",
    "PeersAnswer",
    "PingAnswer",
    "Problem",
    "ProblemAnswer",
    "ProcessAnswer",
    "ProcessState",
    "ReceiptAnswer",
    "RecordAnswer",
    "RelayedAnswer",
    "RewrappedAnswer",
    "RootAnswer",
    "SentAnswer",
    "SizedEntry",
    "StatusAnswer",
    "StoringAnswer",
    "VersionAnswer",
    "WrittenAnswer",
]
