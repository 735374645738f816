"""Who is calling: from the header `Authorization` to a `Caller`, or to the reason why not."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.api_keys import ApiKey, KeyRing, Scope, Tenant
from shared.bus import streams
from shared.bus.ports import Bucket
from shared.errors import ErrorCode, ScoutError

DEFAULT_TENANT = "default"
"""Of all callers of a service without keys."""

_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)


class Rejection(StrEnum):
    """Why a caller is not let in."""

    MISSING = "missing"
    """No key was sent."""
    MALFORMED = "malformed"
    """Something else than one bearer token was sent."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    SCOPE = "scope"
    """The key is good, but not for this."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is made."""

    key: str
    """The key's name; empty where there are no keys, or none is needed."""
    tenant: str
    scopes: frozenset[Scope]
    buckets: tuple[Bucket, ...] = ()
    """The budgets that all its requests are charged to: the tenant's, and the key's own."""


ANYBODY = Caller("", DEFAULT_TENANT, frozenset(Scope))
"""Every caller of a service without keys, which only this machine can reach."""
NOBODY = Caller("", DEFAULT_TENANT, frozenset())
"""A caller without a key, of what needs none."""


class RejectedError(ScoutError):
    """`unauthorized` or `forbidden_scope`."""

    def __init__(self, reason: Rejection, detail: str, scope: Scope | None = None) -> None:
        """Say why, and which scope would have been needed."""
        code = ErrorCode.UNAUTHORIZED if scope is None else ErrorCode.FORBIDDEN_SCOPE
        super().__init__(code, detail, facts={} if scope is None else {"scope": scope.value})
        self.reason = reason

    @property
    def challenge(self) -> str:
        """The header `WWW-Authenticate` (RFC 6750, section 3)."""
        if self.reason is Rejection.SCOPE:
            return f'Bearer realm="scout", error="insufficient_scope", scope="{self.facts["scope"]}"'
        if self.reason is Rejection.MISSING:
            return 'Bearer realm="scout"'
        return 'Bearer realm="scout", error="invalid_token"'


class Keys:
    """The keys in force; the ring is replaced as a whole when the file has changed."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        """Without a ring everybody may do everything."""
        self.ring = ring

    def caller(self, headers: Sequence[str], now_ms: int) -> Caller:
        """Who sends these values of `Authorization`. Raises RejectedError."""
        if self.ring is None:
            return ANYBODY
        if not headers:
            raise RejectedError(Rejection.MISSING, "Expected an API key, in the header Authorization: Bearer <key>.")
        sent = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        if sent is None:
            raise RejectedError(Rejection.MALFORMED, "Expected one header Authorization, of the form Bearer <key>.")
        key = self.ring.find(sent[1])
        if key is None:
            raise RejectedError(Rejection.UNKNOWN, "Expected an API key that this service knows; this is none of them.")
        if key.expires_ms is not None and now_ms >= key.expires_ms:
            ended = dt.datetime.fromtimestamp(key.expires_ms / 1000, dt.UTC).isoformat(timespec="seconds")
            raise RejectedError(Rejection.EXPIRED, f"This API key ({key.name}) expired at {ended}.")
        return Caller(key.name, key.tenant, key.scopes, _buckets(key, self.ring.tenant(key.tenant)))


def _buckets(key: ApiKey, tenant: Tenant) -> tuple[Bucket, ...]:
    """The tenant's budget and the key's, of which there are some."""
    named = ((streams.budget(key.tenant), tenant.budget), (streams.budget(key.tenant, key.name), key.budget))
    return tuple(Bucket(name, budget.packets_per_second, budget.burst) for name, budget in named if budget)


def check_scope(caller: Caller, needed: Scope) -> None:
    """Raise RejectedError unless the caller's key has the scope."""
    if needed not in caller.scopes:
        held = ", ".join(scope for scope in Scope if scope in caller.scopes)
        raise RejectedError(
            Rejection.SCOPE, f"Expected an API key with the scope {needed}; this one ({caller.key}) has {held}.", needed
        )
