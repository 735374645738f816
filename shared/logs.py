"""One JSON object a line on standard error; the trace id of the call in hand is added by itself."""

from __future__ import annotations

import contextvars
import datetime as dt
import logging
import sys
from typing import Any, TextIO

import msgspec

trace_id: contextvars.ContextVar[str] = contextvars.ContextVar("trace_id", default="")
"""What the call in hand is part of: one id from an HTTP request to the lines of every service that works on it.

The API takes it from the request, the bus carries it, the DHT node's own duties draw one for each round. A task begins
with the id of whoever started it."""

MAX_TRACE = 64
"""Characters of an id that came from elsewhere."""

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A log record as one JSON line: time, level, service, logger, event, and the fields given as `extra`."""

    def __init__(self, service: str) -> None:
        """Name the service in every line."""
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render `record`; extra values that are not JSON become their `str`.

        An extra field that has the name of one of ours gets an underscore behind it: no line lies about its service.
        """
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if trace := trace_id.get():
            line["trace"] = trace
        for key, value in record.__dict__.items():
            if key not in _OWN:
                line[f"{key}_" if key in line else key] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(service: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every logger's lines from `level` up to `stream` (standard error by default) as JSON."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
