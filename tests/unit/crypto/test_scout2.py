from __future__ import annotations

import asyncio
import os

import pytest

from services.crypto import link_secrets
from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from shared.contracts.crypto import (
    CreateKey,
    CreateLink,
    CreateLinkReply,
    Locate,
    OpenMessages,
    OpenRecord,
    Rewrap,
    SealAt,
    SealedVersion,
    SealMessage,
    SealRecord,
)
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, items, keys
from shared.format.scout2 import epochs, link, record, roots
from shared.format.scout2.record import Record
from shared.settings import Secret
from tests.support.waiting import wait_until

CONTEXT = CallContext(deadline_ms=0, tenant="acme")
OLD, NEW = MasterKey(1, Secret(b"m" * 32)), MasterKey(2, Secret(b"n" * 32))
SECRET = b"s" * 32
ROOT = roots.of_group(SECRET)
NOW_MS = 1_700_000_000_000
EPOCH = epochs.epoch_at(epochs.phase(ROOT), NOW_MS / 1000)
PLAINTEXT = record.serialise(Record())


@pytest.fixture
def service() -> CryptoService:
    return CryptoService([OLD], os.urandom)


async def link_of(service: CryptoService, member: int = 0) -> CreateLinkReply:
    return await service.create_link(CreateLink(secret=SECRET, member=member, format="scout2"), CONTEXT)


async def test_two_keys_make_one_link_with_two_members(service: CryptoService) -> None:
    one, two = [await service.create_key(CreateKey(), CONTEXT) for _ in range(2)]
    mine = await service.create_link(CreateLink(key=one.key, peer=two.public_key, format="scout2"), CONTEXT)
    theirs = await service.create_link(CreateLink(key=two.key, peer=one.public_key, format="scout2"), CONTEXT)
    located = [await service.locate(Locate(link=made.link, now_ms=NOW_MS), CONTEXT) for made in (mine, theirs)]
    assert located[0].sites == located[1].sites
    assert {mine.member, theirs.member} == {0, 1}
    assert {reply.format for reply in located} == {"scout2"}


async def test_a_link_lies_somewhere_else_each_day(service: CryptoService) -> None:
    made = await link_of(service)
    located = await service.locate(Locate(link=made.link, now_ms=NOW_MS), CONTEXT)
    assert [site.epoch for site in located.sites] == [EPOCH - 1, EPOCH, EPOCH + 1]
    assert [site.target for site in located.sites] == [
        link.epoch_keys(ROOT, epoch).target for epoch in (EPOCH - 1, EPOCH, EPOCH + 1)
    ]
    assert located.phase == epochs.phase(ROOT)


async def test_a_secret_is_another_link_in_each_format(service: CryptoService) -> None:
    original = await service.create_link(CreateLink(secret=SECRET), CONTEXT)
    located = await service.locate(Locate(link=original.link), CONTEXT)
    assert located.sites[0].public_key == keys.signing_pair(SECRET)[0]
    assert original.link != (await link_of(service)).link


async def test_one_request_seals_for_several_epochs_and_opens_their_versions(service: CryptoService) -> None:
    made = await link_of(service)
    places = [SealAt(seq=seq, epoch=EPOCH + seq - 1) for seq in (1, 2, 3)]
    sealed = (await service.seal_record(SealRecord(link=made.link, plaintext=PLAINTEXT, places=places), CONTEXT)).sealed
    for at, one in zip(places, sealed, strict=True):
        assert keys.verify(one.public_key, bep44.signable_bytes(one.value, at.seq), one.signature)
        assert len(one.value) == 256
    versions = [
        SealedVersion(value=one.value, seq=at.seq, epoch=at.epoch) for at, one in zip(places, sealed, strict=True)
    ]
    wrong = [
        SealedVersion(value=sealed[0].value, seq=2, epoch=EPOCH),
        SealedVersion(value=sealed[0].value, seq=1, epoch=EPOCH + 1),
        SealedVersion(value=b"5:hello", seq=1, epoch=EPOCH),
        SealedVersion(value=sealed[0].value, seq=1, epoch=-1),
    ]
    opened = (await service.open_record(OpenRecord(link=made.link, versions=[*versions, *wrong]), CONTEXT)).versions
    assert [version.plaintext for version in opened] == [PLAINTEXT] * 3 + [None] * 4
    assert all(version.error and version.error.startswith("expected") for version in opened[3:])


@pytest.mark.parametrize(
    ("plaintext", "at", "code"),
    [
        (bytes(939), SealAt(seq=1, epoch=EPOCH), ErrorCode.RECORD_FULL),
        (b"", SealAt(seq=0, epoch=EPOCH), ErrorCode.INVALID_REQUEST),
        (b"", SealAt(seq=2**63, epoch=EPOCH), ErrorCode.INVALID_REQUEST),
        (b"", SealAt(seq=1, epoch=-1), ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_record_that_must_not_be_sent_is_not_signed(
    service: CryptoService, plaintext: bytes, at: SealAt, code: ErrorCode
) -> None:
    made = await link_of(service)
    with pytest.raises(ScoutError) as caught:
        await service.seal_record(SealRecord(link=made.link, plaintext=plaintext, places=[at]), CONTEXT)
    assert caught.value.code is code


async def test_messages_say_who_and_which_and_when(service: CryptoService) -> None:
    mine, theirs = await link_of(service, 3), await link_of(service, 4)
    request = SealMessage(link=mine.link, next=b"", number=1, sent_at_ms=NOW_MS, body=b"hello")
    first = await service.seal_message(request, CONTEXT)
    assert first.target == bep44.immutable_target(first.value)
    broken = [b"5:hello", items.value_of(b"\x02" * 252)]
    request_back = OpenMessages(link=theirs.link, values=[first.value, *broken])
    opened, *refused = (await service.open_messages(request_back, CONTEXT)).messages
    assert (opened.member, opened.number, opened.sent_at_ms) == (3, 1, NOW_MS)
    assert (opened.body, opened.next, opened.sealed) == (b"hello", b"", True)
    assert all(message.error for message in refused)


async def test_a_message_that_shall_not_be_sealed_is_refused(service: CryptoService) -> None:
    made = await link_of(service)
    with pytest.raises(ScoutError, match="scout2 has no others"):
        await service.seal_message(SealMessage(link=made.link, next=b"", number=1, body=b"", seal=False), CONTEXT)


async def test_a_passphrase_makes_the_link_of_its_group(service: CryptoService) -> None:
    request = CreateLink(passphrase="correct horse", group="family", member=2, format="scout2")
    made = await service.create_link(request, CONTEXT)
    secret = roots.group_secret_of(b"correct horse", b"family")
    same = await service.create_link(CreateLink(secret=secret, member=5, format="scout2"), CONTEXT)
    one, other = [await service.locate(Locate(link=each.link, now_ms=NOW_MS), CONTEXT) for each in (made, same)]
    assert (made.member, one.sites) == (2, other.sites)


async def test_the_loop_runs_on_while_a_passphrase_is_hashed(
    service: CryptoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[int] = []
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_passphrase: bytes, _group: bytes) -> bytes:
        beside.append(1)
        # as long as Argon2 takes, the loop must be free: it is what lets this go on
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(5)
        return bytes(32)

    monkeypatch.setattr(roots, "group_secret_of", slow)
    request = CreateLink(passphrase="p", group="g", member=0, format="scout2")
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(service.create_link(request, CONTEXT)) for _ in range(link_secrets.MAX_WAITING)]
        await wait_until(lambda: len(beside) == link_secrets.MAX_PASSPHRASES, "the lane is taken")
        with pytest.raises(ScoutError) as caught:
            await service.create_link(request, CONTEXT)
        assert caught.value.code is ErrorCode.OVERLOADED
        assert len(beside) == link_secrets.MAX_PASSPHRASES
        release.set()
    assert len(beside) == len(asked)


@pytest.mark.parametrize(
    "fields",
    [
        {"passphrase": "p", "group": "g", "member": 0, "format": "scout1"},
        {"passphrase": "p", "group": "g", "format": "scout2"},
        {"passphrase": "", "group": "g", "member": 0, "format": "scout2"},
        {"passphrase": "p", "member": 0, "format": "scout2"},
        {"passphrase": "p", "group": "g", "member": 0, "secret": SECRET, "format": "scout2"},
        {"passphrase": "p" * 1025, "group": "g", "member": 0, "format": "scout2"},
        {"passphrase": "\ud800", "group": "g", "member": 0, "format": "scout2"},
        {"secret": SECRET, "member": 2**31, "format": "scout2"},
        {"secret": SECRET[:31], "format": "scout2"},
    ],
)
async def test_what_makes_no_link_is_refused(service: CryptoService, fields: dict[str, object]) -> None:
    with pytest.raises(ScoutError) as caught:
        await service.create_link(CreateLink(**fields), CONTEXT)  # type: ignore[arg-type]  # a table of requests
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert "correct" not in caught.value.detail


async def test_handles_move_to_the_newest_master_key(service: CryptoService) -> None:
    made, key = await link_of(service, 7), await service.create_key(CreateKey(secret=b"i" * 32), CONTEXT)
    rotating, after = CryptoService([NEW, OLD], os.urandom), CryptoService([NEW], os.urandom)
    with pytest.raises(ScoutError):
        await after.locate(Locate(link=made.link, now_ms=NOW_MS), CONTEXT)
    moved = await rotating.rewrap(Rewrap(handle=made.link), CONTEXT)
    moved_key = await rotating.rewrap(Rewrap(handle=key.key), CONTEXT)
    assert (moved.kind, moved_key.kind) == ("link", "key")
    before = await service.locate(Locate(link=made.link, now_ms=NOW_MS), CONTEXT)
    assert await after.locate(Locate(link=moved.handle, now_ms=NOW_MS), CONTEXT) == before
    peer = CreateLink(key=moved_key.handle, peer=keys.public_key(b"j" * 32), format="scout2")
    assert (await after.create_link(peer, CONTEXT)).format == "scout2"


async def test_a_handle_of_nobody_is_not_moved(service: CryptoService) -> None:
    made = await link_of(service)
    for handle, tenant in ((made.link, "other"), (made.link[:-1], "acme"), ("", "acme")):
        with pytest.raises(ScoutError) as caught:
            await service.rewrap(Rewrap(handle=handle), CallContext(deadline_ms=0, tenant=tenant))
        assert caught.value.code is ErrorCode.BAD_HANDLE
