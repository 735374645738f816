from __future__ import annotations

import msgspec
import pytest

from shared.contracts import crypto, dht
from shared.contracts.operation import Message, Operation

OPERATIONS = [value for module in (crypto, dht) for value in vars(module).values() if isinstance(value, Operation)]


def test_a_message_shows_nothing_of_what_it_carries() -> None:
    request = crypto.CreateKey(secret=b"\x01" * 32)
    assert repr(request) == str(request) == "CreateKey(…)"
    assert "01" not in f"{crypto.OpenRecordReply(versions=[crypto.Opened(plaintext=b'01')])!r}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_has_a_name_a_version_and_types_that_travel(operation: Operation[Message, Message]) -> None:
    service, _, verb = operation.name.partition(".")
    assert service in {"crypto", "dht"}
    assert verb.partition("@")[2].isdigit()
    for message in (operation.request, operation.reply):
        assert issubclass(message, Message)
        msgspec.msgpack.Decoder(message)


def test_every_operation_has_its_own_name() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names)) >= 14
