"""What `link.watch()` tells: frozen values, each with the id from which to go on behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from scout.answers import Answered, Gap, ReceivedMessage, Record
from scout.event_source import EventSource, Received
from scout.transport import decode_answer


class RecordChanged(Answered, frozen=True, kw_only=True):
    """The record is another than it was; a watch without an `after` begins with the record as it is."""

    id: str
    record: Record


class MessageArrived(Answered, frozen=True, kw_only=True):
    """Another member has left a message."""

    id: str
    message: ReceivedMessage


class MessagesMissing(Answered, frozen=True, kw_only=True):
    """Messages that can't be read; those behind them go on."""

    id: str
    gap: Gap


Event = RecordChanged | MessageArrived | MessagesMissing


async def told(source: EventSource) -> AsyncGenerator[Event, None]:
    """What a service tells of a link; events that this version does not know are passed over."""
    async with aclosing(source.events()) as events:
        async for event in events:
            if (known := _event(event)) is not None:
                yield known


def _event(received: Received) -> Event | None:
    match received.name:
        case "record":
            # an id begins with the tag of the record that it names
            record = decode_answer(received.answer, Record).with_etag(f'"{received.id.partition("~")[0]}"')
            return RecordChanged(id=received.id, record=record)
        case "message":
            return MessageArrived(id=received.id, message=decode_answer(received.answer, ReceivedMessage))
        case "gap":
            return MessagesMissing(id=received.id, gap=decode_answer(received.answer, Gap))
        case _:
            return None
