"""Checks of what the original sent: its queries, and whole synchronisations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from shared.format import bencode, bep44, items, keys
from shared.format.errors import FormatError
from shared.format.scout1 import messages, record, seal, seqs
from shared.format.scout1.link import LinkKeys, derive
from shared.format.scout1.merge import merge
from shared.format.scout1.record import Entry
from tests.vectors.document import MismatchError, UncheckableError, Vector, expect, hold
from tests.vectors.record_checks import entries_of

NODE_ID_SIZE = 20
NODE_SIZE = 26
TRANSACTION_SIZE = 4
PACKET_TYPES: dict[bytes, type] = {b"a": dict, b"q": bytes, b"t": bytes, b"v": bytes, b"y": bytes}
_IMMUTABLE_PUT: dict[bytes, type] = {b"id": bytes, b"token": bytes, b"v": bytes}
_MUTABLE_PUT: dict[bytes, type] = {**_IMMUTABLE_PUT, b"k": bytes, b"seq": int, b"sig": bytes}
ARGUMENT_TYPES: dict[bytes, list[dict[bytes, type]]] = {
    b"get": [{b"id": bytes, b"target": bytes}],
    b"put": [_IMMUTABLE_PUT, _MUTABLE_PUT, {**_MUTABLE_PUT, b"salt": bytes}],
}
"""BEP 44: the arguments of its queries; a record's values and a message's are byte strings."""
STATE_TYPES: dict[bytes, type] = {b"age": int, b"id": bytes, b"nodes": bytes, b"table_depth": int}
ENTRY_CALL = re.compile(r"entry_cb id=(\d+) seq=(-?\d+) ([0-9a-f]*)")


def client_packet(vector: Vector) -> None:
    """One member of `client_packets`: a query, a synchronisation, or a figure about the others."""
    if vector.index.startswith("sync_"):
        synchronisation(vector)
    elif vector.index.endswith("_query"):
        _message_query(vector)
    elif vector.index == "packets":
        sent = [name for name in _section(vector) if name.startswith("put_") and name.endswith("_query")]
        expect("number of packets", len(sent), vector.value)
    elif vector.index == "put_finished":
        hold("finished", condition=vector.value is True)
    elif vector.index == "get_result_contents_slash_next":
        framed = messages.unframe(items.content_of(bencode.encode(_stored_message(vector))))
        expect("contents/next", f"{framed.body.hex()}/{framed.next.hex()}", vector.value)
    else:
        raise UncheckableError(vector.index)


def synchronisation(vector: Vector) -> None:
    """One read-modify-write: where it looked, what it sealed, signed and sent."""
    link = derive(vector.hex("shared_secret"), member=0)
    get = _query(vector, vector.text("get_query"), b"get")
    expect("target", get.arguments[b"target"], link.target)
    put = _query(vector, vector.text("put_query"), b"put")
    _signed(put.arguments, link)
    plaintext = _sealed(vector, put.arguments[b"v"], link)
    _merged(vector, plaintext)
    _sequence(vector, put.arguments[b"seq"])


def saved_state(vector: Vector) -> None:
    """The original's state file: canonical bencode with a node id and compact nodes (BEP 5)."""
    data = vector.unhex(vector.value)
    state = _dictionary(data)
    expect("bencoded again", bencode.encode(state), data)
    expect("types", {name: type(value) for name, value in state.items()}, STATE_TYPES)
    expect("size of the node id", len(state[b"id"]), NODE_ID_SIZE)
    expect("bytes behind the last node", len(state[b"nodes"]) % NODE_SIZE, 0)


@dataclass(frozen=True)
class _Query:
    method: bytes
    arguments: dict[bytes, Any]
    sender: tuple[Any, Any]
    """Node id and client version: the same in all packets of one run."""
    token: Any


def _query(vector: Vector, text: str, method: bytes) -> _Query:
    data = vector.unhex(text)
    message = _dictionary(data)
    expect("bencoded again", bencode.encode(message), data)
    expect("kind and method", (message.get(b"y"), message.get(b"q")), (b"q", method))
    expect("types", {name: type(value) for name, value in message.items()}, PACKET_TYPES)
    expect("size of the transaction id", len(message[b"t"]), TRANSACTION_SIZE)
    query = _Query(method, message[b"a"], (message[b"a"].get(b"id"), message[b"v"]), message[b"a"].get(b"token"))
    types = {name: type(value) for name, value in query.arguments.items()}
    hold("the arguments are those of the method", condition=types in ARGUMENT_TYPES[method])
    expect("size of the node id", len(query.arguments[b"id"]), NODE_ID_SIZE)
    _same_run(vector, query)
    return query


def _same_run(vector: Vector, query: _Query) -> None:
    for text in _queries(vector):
        other = _dictionary(vector.unhex(text))
        arguments = _arguments(other)
        expect("sender of all packets", query.sender, (arguments.get(b"id"), other.get(b"v")))
        if query.token is not None and b"token" in arguments:
            expect("token of all puts", query.token, arguments[b"token"])


def _arguments(message: dict[bytes, Any]) -> dict[bytes, Any]:
    found = message.get(b"a")
    return found if isinstance(found, dict) else {}


def _queries(vector: Vector) -> list[str]:
    section = _section(vector)
    flat = [value for name, value in section.items() if name.endswith("_query")]
    nested = [
        value[name] for value in section.values() if isinstance(value, dict) for name in value if "_query" in name
    ]
    return flat + nested


def _section(vector: Vector) -> dict[str, Any]:
    found: dict[str, Any] = vector.document.sections[vector.section]
    return found


def _dictionary(data: bytes) -> dict[bytes, Any]:
    try:
        found = bencode.decode(data)
    except bencode.BencodeError as error:
        raise MismatchError("bencode", "a dictionary", f"{data.hex()} ({error})") from None
    if not isinstance(found, dict):
        raise MismatchError("bencode", "a dictionary", found)
    return found


def _message_query(vector: Vector) -> None:
    method = b"put" if vector.index.endswith("_put_query") else b"get"
    query = _query(vector, vector.value, method)
    stored = bep44.immutable_target(bencode.encode(_stored_message(vector)))
    if method == b"get":
        expect("target", query.arguments[b"target"], stored)
    else:
        framed = messages.unframe(query.arguments[b"v"])
        expect("message, framed again", messages.frame(framed.next, framed.body), query.arguments[b"v"])


def _stored_message(vector: Vector) -> Any:
    for name, text in _section(vector).items():
        if name.endswith("_put_query"):
            return _arguments(_dictionary(vector.unhex(text))).get(b"v", b"")
    raise UncheckableError("no put in this section")


def _signed(arguments: dict[bytes, Any], link: LinkKeys) -> None:
    hold("the put is of a mutable item", condition=b"k" in arguments)
    expect("public key", arguments[b"k"], link.public_key)
    value = bencode.encode(arguments[b"v"])
    signed = bep44.signable_bytes(value, arguments[b"seq"], arguments.get(b"salt", b""))
    expect("signature", arguments[b"sig"], keys.sign(link.signing_key, signed))
    hold("the signature verifies", condition=keys.verify(link.public_key, signed, arguments[b"sig"]))


def _sealed(vector: Vector, box: bytes, link: LinkKeys) -> bytes:
    nonce, plaintext = vector.hex("v_nonce"), vector.hex("v_plaintext")
    expect("nonce", box[: seal.NONCE_SIZE], nonce)
    try:
        expect("opened", seal.unseal(box, link.record_key), plaintext)
    except FormatError as error:
        raise MismatchError("opened", plaintext, str(error)) from None
    expect("box", seal.seal(plaintext, link.record_key, nonce), box)
    return plaintext


def _merged(vector: Vector, plaintext: bytes) -> None:
    """The result from our merge of what was here and what the original reported as newer there.

    A tie with other content is not reported by the original, which keeps its own; so no tie shows here.
    """
    calls = vector.texts("callbacks")
    theirs = [
        Entry(int(i), int(seq), bytes.fromhex(content)) for i, seq, content in ENTRY_CALL.findall("\n".join(calls))
    ]
    result = merge(entries_of(vector, "local_entries"), theirs)
    expect("merged record", record.serialise(result), plaintext)
    finalised = "".join(f"{entry.id}/{entry.seq}," for entry in result)
    expect("callbacks at the end", calls[-2:], [f"finalize_cb ids={finalised}", "finished_cb"])
    hold("finished", condition=vector.flag("finished"))


def _sequence(vector: Vector, seq: int) -> None:
    stored = re.search(r"stored_seq_(\d+)", vector.index)
    if stored is not None:
        expect("seq sent", seq, int(stored[1]))
    ours = seqs.next_seq([seq])
    hold("our next seq is higher, and at least 1", condition=ours > seq and ours >= 1)
    vector.notes.append("the original sends the seq it found again, or 0; ours sends a higher one")
