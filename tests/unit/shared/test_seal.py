from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.bus.seal import KEY_BYTES, Sealer, SealError
from shared.contracts.envelope import Envelope
from shared.settings import Secret

BODY = b"what nobody else may read"
SEALER = Sealer(Secret(b"k" * KEY_BYTES))
ENVELOPE = Envelope(b"i" * 16, "crypto.locate@1", "scout:replies:x", 1_700_000_000_000, "acme", "t-1", b"")


def sealed() -> Envelope:
    return msgspec.structs.replace(ENVELOPE, body=SEALER.seal_request(ENVELOPE, BODY))


def test_a_sealed_request_opens_and_shows_nothing() -> None:
    envelope = sealed()
    assert SEALER.open_request(envelope) == BODY
    assert BODY not in envelope.body
    assert len(envelope.body) == len(BODY) + 40


def test_sealing_twice_gives_different_bytes() -> None:
    assert sealed().body != sealed().body


@pytest.mark.parametrize(
    "change",
    [
        {"id": b"j" * 16},
        {"operation": "crypto.seal_record@1"},
        {"tenant": "other"},
        {"reply_to": "scout:replies:y"},
        {"deadline_ms": 1_700_000_000_001},
    ],
)
def test_a_body_does_not_open_in_another_envelope(change: dict[str, Any]) -> None:
    with pytest.raises(SealError):
        SEALER.open_request(msgspec.structs.replace(sealed(), **change))


def test_a_second_sending_opens_like_the_first() -> None:
    assert SEALER.open_request(msgspec.structs.replace(sealed(), attempt=2)) == BODY


def test_names_do_not_run_into_each_other() -> None:
    moved = msgspec.structs.replace(
        sealed(), reply_to=f"{ENVELOPE.reply_to}\0", tenant=ENVELOPE.tenant, operation=ENVELOPE.operation
    )
    with pytest.raises(SealError):
        SEALER.open_request(moved)


def test_a_reply_opens_only_for_its_request_and_its_outcome() -> None:
    reply = SEALER.seal_reply(b"i" * 16, BODY, ok=True)
    assert SEALER.open_reply(b"i" * 16, reply, ok=True) == BODY
    with pytest.raises(SealError):
        SEALER.open_reply(b"j" * 16, reply, ok=True)
    with pytest.raises(SealError):
        SEALER.open_reply(b"i" * 16, reply, ok=False)


def test_a_reply_is_no_request() -> None:
    with pytest.raises(SealError):
        SEALER.open_request(msgspec.structs.replace(ENVELOPE, body=SEALER.seal_reply(ENVELOPE.id, BODY, ok=True)))


@pytest.mark.parametrize("body", [b"", b"\x00" * 39, BODY, b"\x00" * 80])
def test_what_was_never_sealed_does_not_open(body: bytes) -> None:
    with pytest.raises(SealError):
        SEALER.open_request(msgspec.structs.replace(ENVELOPE, body=body))


def test_every_flipped_bit_is_noticed() -> None:
    envelope = sealed()
    for position in range(len(envelope.body)):
        altered = bytearray(envelope.body)
        altered[position] ^= 1
        with pytest.raises(SealError):
            SEALER.open_request(msgspec.structs.replace(envelope, body=bytes(altered)))


def test_another_key_does_not_open() -> None:
    with pytest.raises(SealError):
        Sealer(Secret(b"j" * KEY_BYTES)).open_request(sealed())


def test_a_key_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes as a bus key, got 31"):
        Sealer(Secret(b"k" * 31))
