"""How the services of a test's cluster are told of a real Redis, each as its own user."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "redis"

USER_OF = {"api": "scout-api", "crypto": "scout-crypto", "dht_node": "scout-dht-node"}


@dataclass(frozen=True)
class Users:
    """The users of the shipped example, with passwords made by its script."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> Users:
        """Run the script."""
        subprocess.run([EXAMPLE / "make-users.sh", directory], check=True, capture_output=True)
        return cls(directory)

    @property
    def acl_file(self) -> Path:
        """What redis-server is given."""
        return self.directory / "users.acl"

    def password_file(self, user: str) -> Path:
        """What a service is given."""
        return self.directory / f"{user}.password"

    def password(self, user: str) -> str:
        """What is in it."""
        return self.password_file(user).read_text(encoding="utf-8").strip()

    @property
    def admin(self) -> dict[str, str]:
        """How a test connects that must see all."""
        return {"username": "scout-admin", "password": self.password("scout-admin")}


@dataclass(frozen=True)
class RealRedis:
    """A bus for `running_cluster`."""

    url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    users: Users | None = None

    def environment(self, service: str) -> Mapping[str, str]:
        """See `tests.support.cluster.Bus`."""
        environment = {"SCOUT_REDIS_URL": self.url, **self.settings}
        if self.users is not None:
            user = USER_OF[service]
            environment["SCOUT_REDIS_USERNAME"] = user
            environment["SCOUT_REDIS_PASSWORD_FILE"] = str(self.users.password_file(user))
        return environment
