"""`python -m services.standalone.secret_files DIRECTORY USERS [NAME]`: the secrets of a stack as files, for compose.

What is missing is drawn and kept in `DIRECTORY/kept`, and never written over. Each service has a directory beside it
with what it needs and nothing else, so that each can be mounted alone. Running it again changes nothing, and mends
what is gone from there. `USERS` is deploy/redis/users.acl: who may do what in Redis.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from services.standalone.cluster_keys import KEY_SIZE, MASTER_KEY_ID
from shared.api_key_file import block
from shared.api_keys import ApiKey, Scope, digest_of, new_token
from shared.private_files import create_private_file

Entropy = Callable[[int], bytes]

PASSWORD_SIZE = 32
READABLE_BY_GROUP = 0o440
"""Of what is handed out: Redis and Grafana run as users of their own, in the group of these files."""
OPERATOR = "operator"
"""The name of the key that is made; it may do everything."""

_PASSWORD_OF = re.compile(r"><password-of-([a-z-]+)>")
"""In the file of users: where the hash of a user's password belongs."""


def _hex_key(entropy: Entropy) -> str:
    return entropy(KEY_SIZE).hex()


def _master_keys(entropy: Entropy) -> str:
    return f"{MASTER_KEY_ID}:{_hex_key(entropy)}"


def _password(entropy: Entropy) -> str:
    return base64.urlsafe_b64encode(entropy(PASSWORD_SIZE)).rstrip(b"=").decode()


def _api_key(entropy: Entropy) -> str:
    return new_token(entropy).reveal().decode()


DRAWN: Mapping[str, Callable[[Entropy], str]] = {
    "bus-key": _hex_key,
    "master-keys": _master_keys,
    "redis-password-of-scout-api": _password,
    "redis-password-of-scout-crypto": _password,
    "redis-password-of-scout-dht-node": _password,
    "redis-password-of-scout-admin": _password,
    "grafana-password": _password,
    "api-key": _api_key,
}
"""What is drawn once, by the name of its file."""
FOR_PEOPLE = ("api-key", "grafana-password")

HANDED: Mapping[str, Mapping[str, str]] = {
    "api": {"bus-key": "bus-key", "redis-password": "redis-password-of-scout-api"},
    "crypto": {
        "bus-key": "bus-key",
        "master-keys": "master-keys",
        "redis-password": "redis-password-of-scout-crypto",
    },
    "dht-node": {"redis-password": "redis-password-of-scout-dht-node"},
    "grafana": {"grafana-password": "grafana-password"},
}
"""Which of it each service gets, by the name that the file has there; beside it, the API its key file."""


def make(directory: Path, users: str, entropy: Entropy) -> None:
    """Draw what is missing below `directory`, and hand out what each service needs. Raises OSError.

    `users`: the text of deploy/redis/users.acl; of it Redis gets the users that have a password here.
    """
    kept = {name: _kept(directory / "kept" / name, draw, entropy) for name, draw in DRAWN.items()}
    for service, names in HANDED.items():
        for name, source in names.items():
            _hand_over(directory / service / name, kept[source] + "\n")
    _hand_over(directory / "redis" / "users.acl", _with_hashes(users, kept))
    keys = directory / "api" / "api-keys.toml"
    if not keys.exists():  # from then on it is the operator's
        _hand_over(keys, _operators_key(kept["api-key"]))


def _kept(path: Path, draw: Callable[[Entropy], str], entropy: Entropy) -> str:
    if not path.exists():
        create_private_file(path, f"{draw(entropy)}\n".encode())
    return path.read_text(encoding="utf-8").strip()


def _hand_over(path: Path, content: str) -> None:
    """Have `content` in `path`; replaced in one step when it is not what is there, for a service may be reading it."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    create_private_file(draft, content.encode())
    draft.chmod(READABLE_BY_GROUP)
    draft.replace(path)


def _with_hashes(users: str, kept: Mapping[str, str]) -> str:
    """The lines of users, each with the SHA-256 of its password; without those for whom there is none."""
    lines = []
    for line in users.splitlines():
        wanted = _PASSWORD_OF.search(line)
        password = kept.get(f"redis-password-of-{wanted[1]}") if wanted else None
        if wanted and password:
            lines.append(line.replace(wanted[0], f"#{hashlib.sha256(password.encode()).hexdigest()}"))
        elif line.startswith("user ") and not wanted:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _operators_key(token: str) -> str:
    key = ApiKey(name=OPERATOR, tenant="default", scopes=frozenset(Scope), digest=digest_of(token))
    return block(key)


def main(arguments: list[str]) -> int:
    """`DIRECTORY USERS`: make the secrets there; `DIRECTORY USERS NAME`: show one for people. The exit status."""
    directory, users, *names = arguments
    try:
        make(Path(directory), Path(users).read_text(encoding="utf-8"), os.urandom)
        for name in names:
            print(_shown(Path(directory), name))  # noqa: T201  # what was asked for
    except OSError as error:
        print(f"scout secrets: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    except ValueError as error:
        print(f"scout secrets: expected {error}", file=sys.stderr)  # noqa: T201
        return 2
    if not names:
        # never a secret by itself: what is printed here stays in the engine's log
        print("The secrets are there. The API key: docker compose run --rm -T secrets api-key")  # noqa: T201
    return 0


def _shown(directory: Path, name: str) -> str:
    if name not in FOR_PEOPLE:
        raise ValueError(f"one of {', '.join(FOR_PEOPLE)}, got {name!r}")
    return (directory / "kept" / name).read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
