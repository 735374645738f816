"""Checks of messages and of the heads of their lists."""

from __future__ import annotations

from shared.format import bep44
from shared.format.errors import MalformedError, MessageTooLargeError
from shared.format.scout1 import messages
from tests.vectors.document import Vector, expect, hold

LIMIT = 973
"""Bytes of a body, as the description of the format says it."""


def blob_write(vector: Vector) -> None:
    body, next_head, blob = vector.hex("message"), vector.hex("next"), vector.hex("blob")
    try:
        expect("blob", messages.frame(next_head, body), blob)
        hold("a body that was framed is within the limit", condition=len(body) <= LIMIT)
    except MessageTooLargeError:
        hold("a body that was refused is over the limit", condition=len(body) > LIMIT)
        vector.notes.append("over 1000 bytes bencoded, which no node stores; ours refuses")
    expect("read back", messages.unframe(blob), messages.Framed(next_head, body, complete=True))
    expect("address", messages.address(blob), vector.hex("dht_target"))
    expect("size of the bencoded value", len(bep44.bencode_string(blob)), vector.integer("bencoded_v_size"))


def blob_read(vector: Vector) -> None:
    blob = vector.hex("blob")
    try:
        framed = messages.unframe(blob)
    except MalformedError:
        _refused_blob(vector, blob)
        return
    hold("what we read, the original read", condition=vector.flag("ok"))
    expect("message", framed.body, vector.hex("message"))
    expect("next", framed.next, vector.hex("next"))
    if not framed.complete:
        vector.notes.append("a cut-off body reads as empty, as the original does; ours says so beside it")


def _refused_blob(vector: Vector, blob: bytes) -> None:
    if blob:
        hold("what we refuse, the original refused", condition=not vector.flag("ok"))
        return
    # the original answered an empty message here and left its caller's variables as they were
    expect("message", b"", vector.hex("message"))
    vector.notes.append("the original read nothing as an empty message; ours calls it malformed")


def list_head(vector: Vector) -> None:
    next_head, head = vector.hex("token_next"), vector.hex("head")
    if not next_head:
        expect("head of an empty list", messages.EMPTY_HEAD, head)
        return
    body = vector.hex("push")
    try:
        expect("head", messages.address(messages.frame(next_head, body)), head)
    except MessageTooLargeError:
        hold("a body that was refused is over the limit", condition=len(body) > LIMIT)
        vector.notes.append("over 1000 bytes bencoded, which no node stores; ours refuses")
    expect("next, serialised", messages.parse_head(vector.hex("token_serialized")), next_head)
    expect("head, serialised", messages.parse_head(vector.hex("head_serialized")), head)


def list_head_parse(vector: Vector) -> None:
    try:
        head = messages.parse_head(b"h" * vector.integer("len"))
    except MalformedError:
        hold("what we refuse, the original refused", condition=not vector.flag("ok"))
        return
    hold("what we read, the original read", condition=vector.flag("ok"))
    expect("size of the head", len(head), messages.HEAD_SIZE)
