"""API keys: what a caller holds, and what the service remembers of it.

A key is a random token, `scout_` and 256 bits in base64url. The service keeps its plain SHA-256 only. That is enough
for random tokens: there is no list of likely ones to try against a hash, which is what salts and slow hashes are for.
So one hash and one look into a dict tell who is calling, and the time they take says nothing about other keys: who
sends a token can't choose its hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.settings import Secret

PREFIX = "scout_"
"""Lets scanners for leaked secrets recognise a key."""
TOKEN_BYTES = 32
DIGEST_BYTES = 32

_TOKEN = re.compile(r"scout_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """What a key may be used for; a name is never changed."""

    READ = "read"
    """Records, devices and messages: to read them, and to make handles, by which nothing is stored."""
    WRITE = "write"
    """Records, devices and messages: to change them."""
    RELAY = "relay"
    """The DHT itself: items, signed values, peers, lookups."""
    ADMIN = "admin"
    """To look after the cluster: its nodes, the fleet, the console's figures."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many DHT packets (queries sent) may be spent: `burst` at once, and then as many as come back a second."""

    packets_per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without the token."""

    name: str
    """For logs and metrics; unique in its file."""
    tenant: str
    """To whom handles are bound that are made with it."""
    scopes: frozenset[Scope]
    digest: bytes
    """SHA-256 of the token, 32 bytes."""
    expires_ms: int | None = None
    """Wall clock, milliseconds since the Unix epoch; from then on it is refused. None: it does not expire."""
    budget: Budget | None = None
    """Of this key alone, within that of its tenant."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """What all keys of one tenant share."""

    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a service."""

    keys: Mapping[bytes, ApiKey]
    """By digest."""
    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    """By name; a tenant that needs no entry has none."""

    def find(self, token: str) -> ApiKey | None:
        """The key that `token` is, expired or not; None when there is none."""
        return self.keys.get(digest_of(token)) if is_token(token) else None

    def tenant(self, name: str) -> Tenant:
        """What the file says of a tenant."""
        return self.tenants.get(name, Tenant())


def new_token(entropy: Callable[[int], bytes]) -> Secret:
    """A fresh token, as ASCII; `entropy` must be the system's."""
    return Secret(PREFIX.encode() + base64.urlsafe_b64encode(entropy(TOKEN_BYTES)).rstrip(b"="))


def is_token(text: str) -> bool:
    """Whether `text` has a token's form: anything else is not worth a hash."""
    return _TOKEN.fullmatch(text) is not None


def digest_of(token: str) -> bytes:
    """What is remembered of a token: its SHA-256, 32 bytes."""
    return hashlib.sha256(token.encode()).digest()
