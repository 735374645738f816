"""Whatever is handed to the crypto service, it answers, or raises ScoutError."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.crypto.handles import Handles, Kind, MasterKey
from services.crypto.service import CryptoService
from shared.contracts.crypto import (
    CreateKey,
    CreateLink,
    OpenMessages,
    OpenRecord,
    SealAt,
    SealedVersion,
    SealMessage,
    SealRecord,
)
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.settings import Secret

MASTER = MasterKey(7, Secret(b"m" * 32))
HANDLES = Handles([MASTER], os.urandom)
SERVICE = CryptoService([MASTER], os.urandom)
CONTEXT = CallContext(deadline_ms=0, tenant="acme")
LINK = asyncio.run(SERVICE.create_link(CreateLink(secret=b"s" * 32), CONTEXT)).link
KEY = asyncio.run(SERVICE.create_key(CreateKey(), CONTEXT)).key


@given(st.binary(max_size=64), st.text(max_size=10), st.text(max_size=10), st.sampled_from(Kind))
def test_a_handle_opens_for_its_own_tenant_only(secret: bytes, tenant: str, other: str, kind: Kind) -> None:
    handle = HANDLES.wrap(kind, tenant, secret)
    assert HANDLES.unwrap(kind, tenant, handle) == secret
    if other != tenant:
        with pytest.raises(ScoutError):
            HANDLES.unwrap(kind, other, handle)


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_handle_with_one_other_character_is_bad(place: int, character: str) -> None:
    at = place % len(LINK)
    forged = LINK[:at] + character + LINK[at + 1 :]
    if forged != LINK:
        with pytest.raises(ScoutError) as caught:
            HANDLES.unwrap(Kind.LINK, "acme", forged)
        assert caught.value.code is ErrorCode.BAD_HANDLE


@given(st.text(max_size=200) | st.text("ABCDEFghij0123-_", min_size=80, max_size=120))
def test_any_text_is_a_bad_handle(text: str) -> None:
    with pytest.raises(ScoutError):
        HANDLES.unwrap(Kind.KEY, "acme", text)


@given(
    st.none() | st.just(KEY) | st.text(max_size=10),
    st.none() | st.binary(min_size=30, max_size=34),
    st.none() | st.binary(min_size=30, max_size=34),
    st.none() | st.integers(),
)
def test_any_request_for_a_link_is_answered(
    key: str | None, peer: bytes | None, secret: bytes | None, member: int | None
) -> None:
    with contextlib.suppress(ScoutError):
        asyncio.run(SERVICE.create_link(CreateLink(key=key, peer=peer, secret=secret, member=member), CONTEXT))


@given(st.lists(st.binary(max_size=1100) | st.binary(max_size=60).map(lambda body: b"%d:%s" % (len(body), body))))
def test_every_value_of_a_batch_is_answered(values: list[bytes]) -> None:
    versions = [SealedVersion(value=value, seq=0) for value in values]
    opened = asyncio.run(SERVICE.open_record(OpenRecord(link=LINK, versions=versions), CONTEXT)).versions
    assert [version.plaintext for version in opened] == [None] * len(values)
    read = asyncio.run(SERVICE.open_messages(OpenMessages(link=LINK, values=values), CONTEXT)).messages
    assert len(read) == len(values)
    assert not any(message.sealed for message in read)


@given(st.binary(max_size=1000), st.integers(), st.binary(min_size=18, max_size=22), st.booleans())
def test_whatever_is_sealed_fits_an_item(plaintext: bytes, seq: int, next_head: bytes, seal: bool) -> None:
    with contextlib.suppress(ScoutError):
        record = SealRecord(link=LINK, plaintext=plaintext, places=[SealAt(seq=seq)])
        assert len(asyncio.run(SERVICE.seal_record(record, CONTEXT)).sealed[0].value) <= 1000
    with contextlib.suppress(ScoutError):
        message = SealMessage(link=LINK, next=next_head, body=plaintext, seal=seal)
        assert len(asyncio.run(SERVICE.seal_message(message, CONTEXT)).value) <= 1000
