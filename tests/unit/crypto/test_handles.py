from __future__ import annotations

import base64
import os

import pytest

from services.crypto.handles import Handles, Kind, MasterKey
from shared.errors import ErrorCode, ScoutError
from shared.settings import Secret

OLD, NEW = MasterKey(1, Secret(b"1" * 32)), MasterKey(2, Secret(b"2" * 32))
SECRET = b"the secret of a user, 32 bytes.."


def refusal(handles: Handles, handle: str, *, kind: Kind = Kind.KEY, tenant: str = "acme") -> ScoutError:
    with pytest.raises(ScoutError) as caught:
        handles.unwrap(kind, tenant, handle)
    return caught.value


def test_a_handle_opens_for_its_kind_and_tenant() -> None:
    handles = Handles([NEW], os.urandom)
    handle = handles.wrap(Kind.KEY, "acme", SECRET)
    assert handles.unwrap(Kind.KEY, "acme", handle) == SECRET
    assert refusal(handles, handle, kind=Kind.LINK).code is ErrorCode.BAD_HANDLE
    assert refusal(handles, handle, tenant="acm").code is ErrorCode.BAD_HANDLE
    assert refusal(handles, handle, tenant="").code is ErrorCode.BAD_HANDLE


def test_two_handles_of_one_secret_differ_and_do_not_show_it() -> None:
    handles = Handles([NEW], os.urandom)
    first, second = (handles.wrap(Kind.KEY, "acme", SECRET) for _ in range(2))
    assert first != second
    assert SECRET not in base64.urlsafe_b64decode(first + "==")
    assert "=" not in first


def test_the_newest_master_key_wraps_and_an_older_one_still_opens() -> None:
    before = Handles([OLD], os.urandom).wrap(Kind.KEY, "acme", SECRET)
    rotated = Handles([NEW, OLD], os.urandom)
    assert rotated.unwrap(Kind.KEY, "acme", before) == SECRET
    after = rotated.wrap(Kind.KEY, "acme", SECRET)
    assert Handles([NEW], os.urandom).unwrap(Kind.KEY, "acme", after) == SECRET
    assert refusal(Handles([NEW], os.urandom), before).code is ErrorCode.BAD_HANDLE


def test_another_key_under_the_same_id_does_not_open() -> None:
    handle = Handles([OLD], os.urandom).wrap(Kind.KEY, "acme", SECRET)
    assert refusal(Handles([MasterKey(1, NEW.secret)], os.urandom), handle).code is ErrorCode.BAD_HANDLE


def test_every_altered_byte_and_every_truncation_is_refused_in_the_same_words() -> None:
    handles = Handles([NEW, OLD], os.urandom)
    handle = handles.wrap(Kind.KEY, "acme", SECRET)
    raw = base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4))
    details = set()
    for at in range(len(raw)):
        for altered in (raw[:at] + bytes([raw[at] ^ 0x40]) + raw[at + 1 :], raw[:at]):
            text = base64.urlsafe_b64encode(altered).rstrip(b"=").decode()
            error = refusal(handles, text)
            assert error.code is ErrorCode.BAD_HANDLE
            details.add(error.detail)
    assert details == {refusal(handles, handle, tenant="other").detail}


def test_a_handle_has_one_spelling_only() -> None:
    handles = Handles([NEW], lambda size: b"\0" * size)
    handle = handles.wrap(Kind.KEY, "acme", SECRET)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = handle[:-1] + last[last.index(handle[-1]) ^ 1]
    padded = handle + "=" * (-len(handle) % 4)
    assert base64.urlsafe_b64decode(twin + "=" * (-len(twin) % 4)) == base64.urlsafe_b64decode(padded)
    for spelling in (twin, padded, f" {handle}", f"{handle}\n", handle.replace("A", "A\n", 1)):
        assert refusal(handles, spelling).code is ErrorCode.BAD_HANDLE


@pytest.mark.parametrize("text", ["", "A", "AAAA", "handle", "é" * 100, "\ud800" * 60, "A" * 1_000_000, "+/" * 40])
def test_any_other_text_is_refused(text: str) -> None:
    assert refusal(Handles([NEW], os.urandom), text).code is ErrorCode.BAD_HANDLE


def test_nothing_shows_a_master_key() -> None:
    handles = Handles([NEW], os.urandom)
    assert "22222" not in f"{NEW!r} {refusal(handles, 'AAAA')}"
