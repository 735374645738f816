"""What schemathesis can't know from the document: addresses that exist here, and rules across fields."""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from hypothesis import strategies as st

from services.api import answers
from services.api.openapi.components import example_of
from services.api.openapi.operations import PARAMETERS
from shared.json_bytes import from_base64url
from shared.usecases import items

PORTS = st.integers(1, 65_535)
PUBLIC_KEY = example_of(answers.KeyAnswer)["public_key"]
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
    match case.operation.label:
        case "POST /v1/links" if len(set(body.get("peer") or "")) == 1:
            body["peer"] = PUBLIC_KEY  # keys of one digit are mostly of low order, and refused
        case "POST /v1/sync":
            _name_once(body)
        case "PUT /v1/items/{hash}":
            case.path_parameters["hash"] = items.hash_of(from_base64url(body["value"])).hex()
        case _:
            pass


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
