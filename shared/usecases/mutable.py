"""The blind relay: signed values as their owners made them. No key is needed here, and none is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bencode, bep44, keys
from shared.usecases.keeping import Kept, kept
from shared.usecases.ports import Dht
from shared.usecases.records import heard
from shared.usecases.writing import QUORUM, RETRY_AFTER, has_won


@dataclass(frozen=True, slots=True)
class Address:
    """Where a mutable item lies: its key, and the salt that tells several of one key apart (BEP 44)."""

    public_key: bytes
    """Ed25519 (32 bytes)."""
    salt: bytes = b""
    """At most 64 bytes."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A version as its owner signed it."""

    value: bytes
    """Bencoded, at most 1000 bytes."""
    seq: int
    signature: bytes
    """64 bytes."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A version for a time to come; wall clock, milliseconds."""

    at: Address
    signed: Signed
    from_ms: int
    until_ms: int
    """0: it only takes the place of an older one."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What became of a version."""

    target: bytes
    storing: dht.StoringReport
    kept: Kept


async def get(port: Dht, at: Address, context: CallContext, *, settle: bool = True) -> dht.GetMutableReply:
    """Every version of an item that nodes hold, highest seq first, signatures checked. Raises ScoutError."""
    check_salt(at)
    reply = await port.get_mutable(dht.GetMutable(public_key=at.public_key, salt=at.salt, settle=settle), context)
    return heard(reply)


async def put(
    port: Dht, at: Address, signed: Signed, seen: Sequence[bytes] | None, keep: int, context: CallContext
) -> Relayed:
    """Store a version in the place of those `seen` (signatures of 64 bytes; None: of whatever is there).

    Raises ScoutError: `invalid_request` for what its key has not signed, `item_too_large`, `conflict` when a node
    holds a version that was not seen, `not_stored`.
    """
    check(at, signed)
    reply = await port.put_mutable(
        dht.PutMutable(
            public_key=at.public_key,
            salt=at.salt,
            seq=signed.seq,
            value=signed.value,
            signature=signed.signature,
            seen=None if seen is None else list(seen),
            quorum=QUORUM,
            keep=keep,
        ),
        context,
    )
    if not has_won(reply):
        raise ScoutError(
            ErrorCode.CONFLICT,
            "Nodes hold a version that this one does not supersede: read, merge, and sign the next one.",
            retry_after=RETRY_AFTER,
        )
    return Relayed(reply.target, reply.storing, kept(reply))


async def put_ahead(port: Dht, versions: Sequence[Ahead], context: CallContext) -> Kept:
    """Have versions put when their time comes.

    Raises ScoutError: `invalid_request` for what its key has not signed, or for times that are past or too far.
    """
    for version in versions:
        check(version.at, version.signed)
    request = dht.Keep(
        versions=[
            dht.KeptVersion(
                public_key=version.at.public_key,
                salt=version.at.salt,
                seq=version.signed.seq,
                value=version.signed.value,
                signature=version.signed.signature,
                from_ms=version.from_ms,
                until_ms=version.until_ms,
            )
            for version in versions
        ]
    )
    return kept(await port.keep(request, context))


def check(at: Address, signed: Signed) -> None:
    """Raise ScoutError unless a version may be sent: within BEP 44's limits, and signed by its key."""
    check_salt(at)
    if len(signed.value) > bep44.MAX_VALUE:
        raise ScoutError(
            ErrorCode.ITEM_TOO_LARGE,
            f"Expected a bencoded value of at most {bep44.MAX_VALUE} bytes, got {len(signed.value)}.",
            facts={"size": len(signed.value), "limit": bep44.MAX_VALUE},
        )
    try:
        bencode.decode(signed.value)
    except bencode.BencodeError:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected v to be one bencoded value.") from None
    if not keys.verify(at.public_key, bep44.signable_bytes(signed.value, signed.seq, at.salt), signed.signature):
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, "Expected sig to be the key's signature of salt, seq and v (BEP 44)."
        )


def is_signed(asked: dht.GetMutable, version: dht.MutableVersion) -> bool:
    """Whether a version of the item that was asked for is its key's: for what came from elsewhere than a DHT node."""
    signed = bep44.signable_bytes(version.value, version.seq, asked.salt)
    return keys.verify(asked.public_key, signed, version.signature)


def check_salt(at: Address) -> None:
    """Raise ScoutError (`invalid_request`) for a salt over BEP 44's limit."""
    if len(at.salt) > bep44.MAX_SALT:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, f"Expected a salt of at most {bep44.MAX_SALT} bytes, got {len(at.salt)}."
        )
