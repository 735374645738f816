from __future__ import annotations

import os
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from services.crypto import meters
from services.crypto.handles import Handles, Kind, MasterKey
from services.crypto.links import Links
from services.crypto.service import MAX_BATCH, CryptoService
from shared.contracts.crypto import (
    CreateKey,
    CreateLink,
    CreateLinkReply,
    Locate,
    OpenMessages,
    OpenRecord,
    SealAt,
    SealedRecord,
    SealedVersion,
    SealMessage,
    SealRecord,
    Site,
)
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, items, keys
from shared.format.scout1 import messages
from shared.links.scout1 import Scout1Link
from shared.settings import Secret

MASTER = MasterKey(1, Secret(b"m" * 32))
CONTEXT = CallContext(deadline_ms=0, tenant="acme")
SHARED = b"s" * 32
NO_HEAD = bytes(20)


@pytest.fixture
def service() -> CryptoService:
    return CryptoService([MASTER], os.urandom)


async def link_of(service: CryptoService, secret: bytes = SHARED) -> CreateLinkReply:
    return await service.create_link(CreateLink(secret=secret), CONTEXT)


async def site_of(service: CryptoService, link: CreateLinkReply) -> Site:
    (site,) = (await service.locate(Locate(link=link.link), CONTEXT)).sites
    return site


async def seal(service: CryptoService, link: str, plaintext: bytes, seq: int) -> SealedRecord:
    (sealed,) = (
        await service.seal_record(SealRecord(link=link, plaintext=plaintext, places=[SealAt(seq=seq)]), CONTEXT)
    ).sealed
    return sealed


async def test_two_keys_make_one_link_with_two_members(service: CryptoService) -> None:
    one, two = [await service.create_key(CreateKey(), CONTEXT) for _ in range(2)]
    mine = await service.create_link(CreateLink(key=one.key, peer=two.public_key), CONTEXT)
    theirs = await service.create_link(CreateLink(key=two.key, peer=one.public_key), CONTEXT)
    assert await site_of(service, mine) == await site_of(service, theirs)
    assert mine.member == (0 if one.public_key < two.public_key else 1)
    assert {mine.member, theirs.member} == {0, 1}


async def test_an_imported_secret_has_its_own_public_key(service: CryptoService) -> None:
    reply = await service.create_key(CreateKey(secret=b"i" * 32), CONTEXT)
    assert reply.public_key == keys.public_key(b"i" * 32)


async def test_a_shared_secret_makes_a_link_as_it_is(service: CryptoService) -> None:
    link = await link_of(service)
    site = await site_of(service, link)
    assert (link.member, site.public_key) == (0, keys.signing_pair(SHARED)[0])
    last = await service.create_link(CreateLink(secret=SHARED, member=2**31 - 1), CONTEXT)
    located = await service.locate(Locate(link=last.link), CONTEXT)
    assert (located.member, located.sites) == (2**31 - 1, [site])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, ErrorCode.INVALID_REQUEST),
        ({"key": "handle"}, ErrorCode.INVALID_REQUEST),
        ({"peer": b"p" * 32}, ErrorCode.INVALID_REQUEST),
        ({"key": "handle", "secret": SHARED}, ErrorCode.INVALID_REQUEST),
        ({"peer": b"p" * 32, "secret": SHARED}, ErrorCode.INVALID_REQUEST),
        ({"secret": SHARED[:31]}, ErrorCode.INVALID_REQUEST),
        ({"secret": SHARED, "member": -1}, ErrorCode.INVALID_REQUEST),
        ({"secret": SHARED, "member": 2**31}, ErrorCode.INVALID_REQUEST),
        ({"key": "handle", "peer": b"p" * 32, "member": 1}, ErrorCode.INVALID_REQUEST),
        ({"key": "handle", "peer": b"p" * 32}, ErrorCode.BAD_HANDLE),
    ],
)
async def test_what_makes_no_link_is_refused(
    service: CryptoService, fields: dict[str, object], code: ErrorCode
) -> None:
    with pytest.raises(ScoutError) as caught:
        await service.create_link(CreateLink(**fields), CONTEXT)  # type: ignore[arg-type]  # a table of requests
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (bytes(32), ErrorCode.LOW_ORDER_PUBLIC_KEY),
        (b"\1" + bytes(31), ErrorCode.LOW_ORDER_PUBLIC_KEY),
        (b"p" * 31, ErrorCode.INVALID_REQUEST),
        (keys.public_key(b"i" * 32), ErrorCode.INVALID_REQUEST),
    ],
    ids=["zero", "one", "short", "own"],
)
async def test_a_peer_with_whom_nothing_can_be_shared_is_refused(
    service: CryptoService, peer: bytes, code: ErrorCode
) -> None:
    key = (await service.create_key(CreateKey(secret=b"i" * 32), CONTEXT)).key
    with pytest.raises(ScoutError) as caught:
        await service.create_link(CreateLink(key=key, peer=peer), CONTEXT)
    assert caught.value.code is code


async def test_a_sealed_record_is_signed_and_opens_beside_what_does_not(service: CryptoService) -> None:
    link = (await link_of(service)).link
    stranger = (await link_of(service, b"t" * 32)).link
    sealed = await seal(service, link, b"p" * 956, 7)
    assert len(sealed.value) == bep44.MAX_VALUE
    assert keys.verify(sealed.public_key, bep44.signable_bytes(sealed.value, 7), sealed.signature)
    values = [sealed.value, b"i3e", b"", b"5:hello", b"9" * 2000, sealed.value]
    request = OpenRecord(link=link, versions=[SealedVersion(value=value, seq=1) for value in values])
    opened = (await service.open_record(request, CONTEXT)).versions
    assert [version.plaintext for version in opened] == [b"p" * 956, None, None, None, None, b"p" * 956]
    assert all((version.error is None) == (version.plaintext is not None) for version in opened)
    by_stranger = await service.open_record(OpenRecord(link=stranger, versions=request.versions[:1]), CONTEXT)
    assert by_stranger.versions[0].plaintext is None


@pytest.mark.parametrize(
    ("plaintext", "seq", "code"),
    [
        (b"p" * 957, 1, ErrorCode.RECORD_FULL),
        (b"", 0, ErrorCode.INVALID_REQUEST),
        (b"", -1, ErrorCode.INVALID_REQUEST),
        (b"", 2**63, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_record_that_must_not_be_sent_is_not_signed(
    service: CryptoService, plaintext: bytes, seq: int, code: ErrorCode
) -> None:
    link = (await link_of(service)).link
    with pytest.raises(ScoutError) as caught:
        await seal(service, link, plaintext, seq)
    assert caught.value.code is code


async def test_every_sealing_has_a_nonce_of_its_own(service: CryptoService) -> None:
    link = (await link_of(service)).link
    assert len({(await seal(service, link, b"same", 1)).value for _ in range(5)}) == 5


async def test_messages_open_sealed_plain_and_broken(service: CryptoService) -> None:
    link = (await link_of(service)).link
    sealed = await service.seal_message(SealMessage(link=link, next=NO_HEAD, body=b"b" * 933), CONTEXT)
    plain = await service.seal_message(SealMessage(link=link, next=sealed.target, body=b"hi", seal=False), CONTEXT)
    assert sealed.target == bep44.immutable_target(sealed.value)
    cut = items.value_of(messages.frame(sealed.target, b"body")[:-1])
    values = [sealed.value, plain.value, b"nonsense", items.value_of(b"short"), cut]
    opened = (await service.open_messages(OpenMessages(link=link, values=values), CONTEXT)).messages
    assert [(message.body, message.sealed) for message in opened[:2]] == [(b"b" * 933, True), (b"hi", False)]
    assert [message.next for message in opened] == [b"", sealed.target, b"", b"", sealed.target]
    assert [message.error is None for message in opened] == [True, True, False, False, False]


@pytest.mark.parametrize(("size", "seal", "limit"), [(934, True, 933), (974, False, 973)])
async def test_a_body_over_its_limit_is_refused_with_the_figures(
    service: CryptoService, size: int, seal: bool, limit: int
) -> None:
    link = (await link_of(service)).link
    with pytest.raises(ScoutError) as caught:
        await service.seal_message(SealMessage(link=link, next=NO_HEAD, body=b"b" * size, seal=seal), CONTEXT)
    assert (caught.value.code, caught.value.facts) == (ErrorCode.MESSAGE_TOO_LARGE, {"size": size, "limit": limit})


async def test_an_address_of_another_size_is_refused(service: CryptoService) -> None:
    link = (await link_of(service)).link
    with pytest.raises(ScoutError, match="20 bytes, got 19"):
        await service.seal_message(SealMessage(link=link, next=bytes(19), body=b""), CONTEXT)


async def test_a_batch_is_bounded(service: CryptoService) -> None:
    link = (await link_of(service)).link
    with pytest.raises(ScoutError, match=f"at most {MAX_BATCH}"):
        await service.open_messages(OpenMessages(link=link, values=[b""] * (MAX_BATCH + 1)), CONTEXT)


async def test_another_tenant_can_not_use_a_link_even_when_its_keys_are_cached(service: CryptoService) -> None:
    link = (await link_of(service)).link
    await service.locate(Locate(link=link), CONTEXT)
    with pytest.raises(ScoutError) as caught:
        await service.locate(Locate(link=link), replace(CONTEXT, tenant="other"))
    assert caught.value.code is ErrorCode.BAD_HANDLE


async def test_a_key_is_no_link(service: CryptoService) -> None:
    key = (await service.create_key(CreateKey(), CONTEXT)).key
    with pytest.raises(ScoutError) as caught:
        await service.locate(Locate(link=key), CONTEXT)
    assert caught.value.code is ErrorCode.BAD_HANDLE


def test_the_cache_keeps_a_bounded_number_of_links_the_latest_used_ones() -> None:
    registry = CollectorRegistry()
    links = Links(Handles([MASTER], os.urandom), meters.build(registry), cache_size=2)
    first, second, third = (links.wrap("acme", "scout1", bytes([number]) * 32, 0) for number in range(3))

    def figures() -> tuple[float | None, float | None]:
        hits = registry.get_sample_value("scout_crypto_link_cache_hits_total")
        return hits, registry.get_sample_value("scout_crypto_link_cache_misses_total")

    for handle in (first, second, first, third):
        links.open("acme", handle)
    assert figures() == (1, 3)
    assert links.open("acme", first).locate(0) == Scout1Link(bytes(32), 0).locate(0)
    assert figures() == (2, 3)
    assert links.open("acme", second).locate(0) == Scout1Link(b"\1" * 32, 0).locate(0)
    assert figures() == (2, 4)


def test_a_link_of_a_newer_format_is_refused_not_misread() -> None:
    handles = Handles([MASTER], os.urandom)
    for payload in (b"\3" + bytes(36), b"\1" + bytes(35), b""):
        with pytest.raises(ScoutError, match="format") as caught:
            Links(handles).open("acme", handles.wrap(Kind.LINK, "acme", payload))
        assert caught.value.code is ErrorCode.BAD_HANDLE
