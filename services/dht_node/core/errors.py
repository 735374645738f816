"""Whose fault it is, as a type: a peer's datagram, or our caller's misuse."""

from __future__ import annotations

from enum import StrEnum


class Rejection(StrEnum):
    """Why a datagram was dropped or refused: the closed list that metrics and tests count by."""

    TOO_LARGE = "too_large"
    NOT_BENCODE = "not_bencode"
    NOT_KRPC = "not_krpc"
    """Bencode, but not a dictionary with `t` and a known `y`."""
    BAD_TRANSACTION_ID = "bad_transaction_id"
    MARTIAN_SOURCE = "martian_source"
    """Sent from an address that can't be a peer's: port 0, multicast, or private outside lab mode."""
    OWN_ID = "own_id"
    RATE_LIMITED = "rate_limited"
    EGRESS_LIMITED = "egress_limited"
    """Not answered: its network, or all together, have had their bytes."""
    VERIFICATION_LIMITED = "verification_limited"
    """A put that was not looked at closely: its network, or all together, have had their verifications."""
    UNKNOWN_TRANSACTION = "unknown_transaction"
    """A reply to nothing that we asked, or one that came too late."""
    WRONG_SOURCE = "wrong_source"
    """A reply with a transaction id of ours, from another address than the one asked."""
    WRONG_ID = "wrong_id"
    """A reply under another node id than the contact had."""
    MALFORMED_QUERY = "malformed_query"
    MALFORMED_REPLY = "malformed_reply"
    UNKNOWN_METHOD = "unknown_method"
    BAD_TOKEN = "bad_token"  # noqa: S105  # a reason, not a secret
    VALUE_TOO_BIG = "value_too_big"
    SALT_TOO_BIG = "salt_too_big"
    BAD_SIGNATURE = "bad_signature"
    WRONG_KEY = "wrong_key"
    """A value whose key or hash does not belong to the target that was asked for."""
    CAS_MISMATCH = "cas_mismatch"
    SEQ_TOO_LOW = "seq_too_low"
    STORE_FULL = "store_full"
    READ_ONLY = "read_only"
    """We answer no queries in read-only mode (BEP 43)."""


class WireError(ValueError):
    """A peer sent something that is not KRPC as we understand it; carries the reason it is counted under.

    `transaction` is set when enough could be read to answer a query with error 203 (BEP 5, "Errors").
    """

    def __init__(self, reason: Rejection, detail: str, transaction: bytes | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.transaction = transaction


class Misuse(ValueError):  # noqa: N818  # h11's lesson: the name says whose fault it is
    """Our own caller asked for something that can't be done; the sentence says what was expected."""
