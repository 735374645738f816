"""What the `scout` command remembers between two calls: where the service is, the handles it gave, how links are used.

One JSON file in the user's home for Scout, readable by its owner only: a handle is as good as the secret it wraps.
The secret of a link that no service shall see is in a file of its own beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from scout.modes import Mode
from scout.secretfiles import SecretFileError, create_secret_file

FILE_NAME = "profile.json"


class ProfileError(Exception):
    """The profile can't be read or written, or does not know what was asked of it."""


class SavedLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link under a name of the user's choosing: a service's handle, or a secret in a file on this machine."""

    link: str = ""
    """The handle; empty where no service has one."""
    format: str = "scout1"
    member: int = 0
    mode: Mode = Mode.MANAGED
    """How it was made, and is used unless told otherwise."""
    secret: str | None = None
    """The secret's file, seen from the home; None where only a handle is known."""
    peer: str | None = None
    """Their public key (hex), where the link was made with one."""
    public_key: str | None = None
    """The user's own (hex), where a service made the link of it and `peer`."""

    def __repr__(self) -> str:
        """Everything but the handle."""
        return f"SavedLink(format={self.format}, member={self.member})"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The remembered state; `device` is this machine's id in records, drawn when first needed."""

    url: str | None = None
    mode: Mode = Mode.MANAGED
    """Of the link made last: what holds where no link says otherwise."""
    bootstrap: list[str] = []
    """By whom sessions join the DHT, `host:port`; empty: by the well-known nodes."""
    listen: str | None = None
    """Where sessions listen; None: wherever there is room."""
    key: str | None = None
    public_key: str | None = None
    device: int | None = None
    links: dict[str, SavedLink] = {}

    def __repr__(self) -> str:
        """Names and public things only."""
        return f"Profile(url={self.url}, public_key={self.public_key}, links={sorted(self.links)})"

    def link(self, name: str) -> SavedLink:
        """The link called `name`. Raises ProfileError."""
        if name not in self.links:
            known = ", ".join(sorted(self.links)) or "none yet"
            raise ProfileError(f"expected the name of a link (known: {known}), got {name!r}")
        return self.links[name]


def load_profile(home: Path) -> Profile:
    """Read the profile in `home`; an empty one when there is none. Raises ProfileError."""
    path = home / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except FileNotFoundError:
        return Profile()
    except OSError as error:
        raise ProfileError(f"can't read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ProfileError(f"{path} is damaged ({error}); move it away to begin anew") from error


def save_profile(home: Path, profile: Profile) -> None:
    """Replace the profile in `home` in one step, so that an interruption leaves the old one. Raises ProfileError."""
    path = home / FILE_NAME
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        create_secret_file(fresh, msgspec.json.format(msgspec.json.encode(profile), indent=2) + b"\n")
        fresh.replace(path)
    except SecretFileError as error:
        raise ProfileError(str(error)) from error
    except OSError as error:
        raise ProfileError(f"can't write {path}: {error.strerror}") from error
