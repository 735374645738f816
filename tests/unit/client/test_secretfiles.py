"""Secrets in files: private, never overwritten, never quoted, never taken for another kind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scout.profile import Profile, ProfileError, SavedLink, load_profile, save_profile
from scout.secretfiles import Kind, SecretFileError, read_secret, read_text_secret, write_secret
from shared.settings import Secret

SECRET = bytes(range(32))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_comes_back_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "shared.secret"
    write_secret(path, Kind.SHARED_SECRET, Secret(SECRET), member=1)
    stored = read_secret(path, Kind.SHARED_SECRET)
    assert (stored.reveal().reveal(), stored.member) == (SECRET, 1)
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert SECRET.hex() not in repr(stored)


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_secret(path, Kind.SECRET_KEY, Secret(SECRET))
    with pytest.raises(SecretFileError, match="never overwritten"):
        write_secret(path, Kind.SECRET_KEY, Secret(bytes(32)))
    assert read_secret(path, Kind.SECRET_KEY).reveal().reveal() == SECRET


def test_a_key_is_not_taken_for_a_shared_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_secret(path, Kind.SECRET_KEY, Secret(SECRET))
    with pytest.raises(SecretFileError, match=r"expected a shared-secret, got a x25519-secret-key"):
        read_secret(path, Kind.SHARED_SECRET)


def test_bare_hex_digits_of_another_program_are_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(SECRET.hex().upper() + "\n")
    assert read_secret(path, Kind.SECRET_KEY).reveal().reveal() == SECRET


@pytest.mark.parametrize("content", ["", "beef", "zz" * 32, "{", '{"kind": "shared-secret"}', "\x00\xff"])
def test_what_is_no_secret_is_refused_without_being_quoted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with pytest.raises(SecretFileError) as caught:
        read_secret(path, Kind.SHARED_SECRET)
    assert str(path) in str(caught.value)
    assert len(content) < 4 or content not in str(caught.value)


def test_an_api_key_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "api.key"
    path.write_text("sesame\n")
    assert read_text_secret(path) == "sesame"
    path.write_text("two\nlines\n")
    with pytest.raises(SecretFileError, match="one line"):
        read_text_secret(path)


def test_a_profile_comes_back_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    profile = Profile(url="http://127.0.0.1:1", device=7, links={"friend": SavedLink(link="handle", member=1)})
    save_profile(tmp_path, profile)
    save_profile(tmp_path, profile)
    assert load_profile(tmp_path) == profile
    assert mode_of(tmp_path / "profile.json") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["profile.json"]
    assert "handle" not in repr(profile)


def test_a_damaged_profile_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{"links": 3}')
    with pytest.raises(ProfileError, match=r"profile\.json is damaged"):
        load_profile(tmp_path)
    assert path.read_text() == '{"links": 3}'


def test_an_unknown_link_says_which_are_known() -> None:
    with pytest.raises(ProfileError, match="known: friend"):
        Profile(links={"friend": SavedLink(link="handle")}).link("freind")
