"""What schemathesis can't know from the document: addresses that exist here, and rules across fields."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st

from services.api import answers
from services.api.openapi.components import example_of
from services.api.openapi.operations import PARAMETERS
from shared.format import bep44, keys
from shared.json_bytes import from_base64url, to_base64url
from shared.usecases import items

PORTS = st.integers(1, 65_535)
PUBLIC_KEY = example_of(answers.KeyAnswer)["public_key"]
SIGNER, SIGNING = keys.signing_pair(bytes(range(32)))
TAGS = re.compile(PARAMETERS["If-Match"]["schema"]["pattern"])

# loopback and documentation addresses only: nothing that is made up here may leave the machine
schemathesis.openapi.format(
    "ip-port",
    st.one_of(
        st.builds("127.0.{}.{}:{}".format, st.integers(0, 255), st.integers(1, 254), PORTS),
        st.builds("198.51.100.{}:{}".format, st.integers(0, 255), PORTS),
        st.builds("[2001:db8::{:x}]:{}".format, st.integers(0, 0xFFFF), PORTS),
        st.builds("auto:{}".format, PORTS),
    ),
)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], **_: Any) -> None:  # noqa: ARG001  # by name
    """Makes what is meant to be valid really so, where a rule goes beyond one field."""
    if case.headers.get("Idempotency-Key") == PARAMETERS["Idempotency-Key"]["example"]:
        case.headers["Idempotency-Key"] = case.id  # whoever takes an example over makes a key of their own of it
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for header in ("If-Match", "If-None-Match"):
        # an integer, made to be wrong, is taken for a valid text by a later step
        if header in case.headers and not TAGS.fullmatch(str(case.headers[header])):
            case.headers[header] = '"17"'
    if isinstance(case.body, dict):
        body: dict[str, Any] = _whole(case.body)
        _consistent(case, body)
        case.body = body


def _consistent(case: schemathesis.Case[Any], body: dict[str, Any]) -> None:
    if case.operation.label == "PUT /v1/items/{hash}":
        case.path_parameters["hash"] = items.hash_of(from_base64url(body["value"])).hex()
    elif case.operation.label == "PUT /v1/mutable/{public_key}":
        case.path_parameters["public_key"] = SIGNER.hex()
        _sign(body, from_base64url(str((case.query or {}).get("salt", ""))))
    elif case.operation.label in BODIES:
        BODIES[case.operation.label](body)


def _sealed(body: dict[str, Any]) -> None:
    """The links here are of scout2, which has no plain messages."""
    body["seal"] = True


def _of_others(body: dict[str, Any]) -> None:
    """Receipts of other members than the caller: whoever makes a link here is member 0 or 1."""
    for receipt in body["received"]:
        receipt["member"] = max(receipt["member"], 2)


def _signed_ahead(body: dict[str, Any]) -> None:
    """Versions that their key has signed, for the next hours."""
    for version in body["versions"]:
        version["public_key"] = SIGNER.hex()
        version["start"], version["end"] = _soon()
        _sign(version, from_base64url(version.get("salt", "")))


def _one_way(body: dict[str, Any]) -> None:
    """One of the ways to ask for a link; not that by a passphrase, which takes a second each, nor that by a root."""
    for name in ("passphrase", "group", "format"):  # scout1 has no room for some of what is valid in scout2
        body.pop(name, None)
    if body.get("key") is not None and body.get("peer") is not None:
        kept = {"key", "peer"}
        if len(set(body["peer"])) == 1:
            body["peer"] = PUBLIC_KEY  # keys of one digit are mostly of low order, and refused
    else:
        kept, body["secret"] = {"secret", "member"}, body.get("secret") or PUBLIC_KEY
    for name in set(body) - kept:
        del body[name]
    if body.get("member"):
        body["member"] %= 2


def _sign(version: dict[str, Any], salt: bytes) -> None:
    """As its owner would: one bencoded value, and the signature that belongs to it."""
    value = bep44.bencode_string(from_base64url(version["v"])[: bep44.MAX_STRING])
    version["v"] = to_base64url(value)
    version["sig"] = keys.sign(SIGNING, bep44.signable_bytes(value, version["seq"], salt)).hex()


def _soon() -> tuple[str, str]:
    now = dt.datetime.now(dt.UTC)  # noqa: TID251  # what the service compares with its own clock
    return (now + dt.timedelta(hours=1)).isoformat(), (now + dt.timedelta(hours=2)).isoformat()


def _whole(value: Any) -> Any:
    """With integers for floats like 1.0: to JSON Schema both are integers, to this service and most others not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(field) for name, field in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _name_once(body: dict[str, Any]) -> None:
    """Each id once in both lists of a sync."""
    entries = {entry["id"]: entry for entry in body.get("entries", [])}
    if "entries" in body:
        body["entries"] = list(entries.values())
    if "remove" in body:
        body["remove"] = [one for one in body["remove"] if one not in entries]


BODIES: dict[str, Callable[[dict[str, Any]], None]] = {
    "POST /v1/links": _one_way,
    "POST /v1/sync": _name_once,
    "POST /v1/messages": _sealed,
    "POST /v1/messages/ack": _of_others,
    "POST /v1/ahead": _signed_ahead,
}
"""Operation -> what makes a body consistent that is valid field by field."""
