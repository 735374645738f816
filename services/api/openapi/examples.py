"""One example of each type that comes in or goes out, as a value of that very type: it can't be of a wrong form.

They tell one story: a link among a group, a phone in its record, a message, an item. A test calls the service with
every example that comes in.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.api import answers, schemas
from shared.json_bytes import Blob, Bytes20, Bytes32, Bytes64

_HANDLE = "AQAAAAEhVN8mJ1pPVVZ0kq0C5mXWJ7wZ3XcQd2sGm4xYb0hKzT9nR6uEoLfIaVjD"
_SECRET = Bytes32.fromhex("f3a1c2" + "5b" * 26 + "09d47e")
_PUBLIC_KEY = Bytes32.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
_HASH = Bytes20.fromhex("e5f96f6f38320f0f33959cb4d3d656452117aadb")  # of "Hello World!", as BEP 44 has it
_NODE_ID = Bytes20.fromhex("32f54e697351ff4aec29cdbaabf2fbe3467cc267")
_UNTIL = datetime(2026, 11, 23, 17, 20, 11, tzinfo=UTC)

_STORING = answers.StoringAnswer(
    asked=8, answered=6, stored=5, rejected={}, timed_out=1, prefixes=5, closest_distance=14, elapsed_ms=412.5
)
_LOOKUP = answers.LookupAnswer(asked=12, answered=10, timed_out=2, elapsed_ms=318.2)
_WRITTEN = datetime(2026, 11, 22, 17, 20, 11, tzinfo=UTC)
_SEQ = 1_795_368_011_000
_ENTRY = answers.EntryAnswer(id=7, value=Blob(b"here"), seq=_SEQ, expires=_UNTIL)

# the test vector 1 of BEP 44
_SIGNER = Bytes32.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
_VALUE = Blob(b"12:Hello World!")
_SIGNATURE = Bytes64.fromhex(
    "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
    "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
)
_AHEAD = schemas.AheadVersion(
    public_key=_SIGNER,
    v=_VALUE,
    seq=1,
    sig=_SIGNATURE,
    start=_UNTIL,
    end=datetime(2026, 11, 24, 17, 20, 11, tzinfo=UTC),
)

_INSTANCES: tuple[Any, ...] = (
    schemas.KeyRequest(),
    schemas.LinkRequest(secret=_SECRET, member=0),
    schemas.RewrapRequest(handle=_HANDLE),
    schemas.DeviceRequest(addresses=["198.51.100.4:443", "[2001:db8::1]:443"], name="phone", keep=86_400),
    schemas.DevicePath(id=1),
    schemas.SyncRequest(entries=[schemas.WantedEntry(id=7, value=Blob(b"here"))], remove=[8]),
    schemas.WantedEntry(id=7, value=Blob(b"here")),
    schemas.RecordQuery(),
    schemas.MessageRequest(body=Blob(b"see you at eight")),
    schemas.MessagesQuery(after=2),
    schemas.AcknowledgeRequest(received=[schemas.Receipt(member=1, number=3)]),
    schemas.ItemRequest(value=Blob(b"Hello World!")),
    schemas.ItemPath(hash=_HASH),
    schemas.InfoHashPath(info_hash=_HASH),
    schemas.AnnounceRequest(port=6881),
    schemas.MutablePath(public_key=_SIGNER),
    schemas.SaltQuery(),
    schemas.MutableQuery(),
    schemas.SignedRequest(v=_VALUE, seq=1, sig=_SIGNATURE, seen=[]),
    schemas.AheadRequest(versions=[_AHEAD]),
    _AHEAD,
    schemas.PingRequest(address="127.0.0.1:6881"),
    schemas.TargetPath(target=_NODE_ID),
    answers.MutableAnswer(
        versions=[answers.VersionAnswer(v=_VALUE, seq=1, sig=_SIGNATURE, holders=8)],
        lookup=_LOOKUP,
        rollback_suspected=False,
    ),
    answers.RelayedAnswer(target=_HASH, storing=_STORING, kept_for_s=7200, kept_until=_UNTIL, keep_error=None),
    answers.AheadAnswer(kept_until=_UNTIL, keep_error=None),
    answers.RootAnswer(service="scout", api="/v1", documentation="/docs", openapi="/openapi.json"),
    answers.KeyAnswer(key=_HANDLE, public_key=_PUBLIC_KEY),
    answers.LinkAnswer(link=_HANDLE, format="scout2", member=0),
    answers.RewrappedAnswer(handle=_HANDLE, kind="link"),
    answers.RecordAnswer(entries=[_ENTRY], seq=_SEQ, passed_over=[], lookup=_LOOKUP),
    answers.WrittenAnswer(
        entries=[_ENTRY],
        new=[],
        seq=_SEQ,
        storing=_STORING,
        written=True,
        attempts=1,
        passed_over=[],
        kept_for_s=7200,
        kept_until=_UNTIL,
        keep_error=None,
    ),
    answers.DevicesAnswer(
        devices=[
            answers.DeviceAnswer(
                id=1,
                addresses=["198.51.100.4:443"],
                name="phone",
                data=Blob(),
                seq=_SEQ,
                foreign=False,
                written=_WRITTEN,
                expires=_UNTIL,
            )
        ],
        seq=_SEQ,
        passed_over=[],
    ),
    answers.SentAnswer(
        number=3,
        target=_HASH,
        storing=_STORING,
        seq=_SEQ,
        record_storing=_STORING,
        attempts=1,
        kept_for_s=7200,
        kept_until=_UNTIL,
        keep_error=None,
    ),
    answers.InboxAnswer(
        messages=[
            answers.MessageAnswer(
                member=1, number=3, target=_HASH, body=Blob(b"see you at eight"), sealed=True, sent=_WRITTEN
            )
        ],
        gaps=[],
        more=[],
        seq=_SEQ,
        passed_over=[],
    ),
    answers.ItemStoredAnswer(hash=_HASH, storing=_STORING, kept_for_s=7200, kept_until=_UNTIL, keep_error=None),
    answers.ItemAnswer(value=Blob(b"Hello World!")),
    answers.ItemKeepAnswer(kept_until=_UNTIL, value=Blob(b"Hello World!")),
    answers.PeersAnswer(peers=["192.0.2.7:51413", "[2001:db8::7]:51413"], lookup=_LOOKUP),
    answers.AnnouncedAnswer(storing=_STORING),
    answers.StatusAnswer(
        node_id=_NODE_ID,
        ready=True,
        external_address="198.51.100.9",
        contacts=212,
        good_contacts=187,
        answer_ratio=0.71,
        stored_items=940,
        stored_bytes=611_200,
        read_only=False,
        canary_failures=0,
        canary_age_s=312.5,
        network_size=9_400_000,
    ),
    answers.PingAnswer(
        address="127.0.0.1:6881", answered=True, node_id=_NODE_ID, seen_as="198.51.100.9:6881", elapsed_ms=48.1
    ),
    answers.NearestAnswer(
        nodes=[answers.NodeAnswer(node_id=_NODE_ID, address="192.0.2.7:6881")],
        lookup=answers.LookupAnswer(asked=31, answered=26, timed_out=5, elapsed_ms=412.0),
    ),
    answers.FleetAnswer(
        healthy=False,
        problems=[
            answers.ProblemAnswer(
                subject="crypto-6f9d#7#c1a0",
                text="crypto crypto-6f9d#7#c1a0 died: it has stopped reporting without saying goodbye.",
            )
        ],
        processes=[
            answers.ProcessAnswer(
                service="crypto",
                instance="crypto-6f9d#7#c1a0",
                host="crypto-6f9d",
                version="0.1.0",
                started=_UNTIL,
                silent_s=11.4,
                state=answers.ProcessState.DEAD,
                checks={"bus": True},
                bus={},
                dht=None,
                crypto=None,
                api=None,
            )
        ],
        dead_letters={"crypto.0": 0},
        at=_UNTIL,
    ),
    answers.DeadLettersAnswer(
        letters=[
            answers.DeadLetterAnswer(
                shard="crypto.0",
                operation="crypto.locate",
                reason="undecodable",
                age_s=64.0,
                deliveries=1,
                request_id="5f0e3c9a7b21d648",
            )
        ]
    ),
    answers.Problem(
        type="urn:scout:problem:record_full",
        title="The record is full",
        status=413,
        detail="Expected a record of at most 956 bytes; with this change it would have 969.",
        code="record_full",
        request_id="5f0e3c9a7b21d648",
        limit=956,
        used=800,
        left=156,
        needed=969,
        largest=[answers.SizedEntry(id=0, size=266)],
    ),
)

EXAMPLES: dict[type[Any], Any] = {type(example): example for example in _INSTANCES}
"""Type -> its example."""
