"""No secret in a problem, a log line or a measure."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from shared import logs
from tests.unit.api.world import Api, b64

SECRET = "c0ffee" * 10 + "c0de"
PLAINTEXT = b"meet me at the harbour"


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("api", "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_nothing_secret_is_told_or_logged(api: Api, log_lines: io.StringIO) -> None:
    link = await api.link(secret=SECRET)
    key = (await api.call("POST", "/v1/keys", {"secret": SECRET})).body["key"]
    plain = b64(PLAINTEXT)
    good = [
        await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": plain}]}, link=link),
        await api.call("POST", "/v1/messages", {"body": plain}, link=link, headers={"Idempotency-Key": "k"}),
        await api.call("GET", "/v1/record", link=link),
    ]
    assert [answer.status for answer in good] == [200, 200, 200]
    problems = [
        await api.call("POST", "/v1/keys", {"secret": SECRET + "00"}),
        await api.call("POST", "/v1/links", {"secret": SECRET, "key": key}),
        await api.call("POST", "/v1/links", {"secret": SECRET, "format": "scout9"}),
        await api.call("POST", "/v1/links", {"key": key, "peer": "00" * 32}),
        await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": plain + "="}]}, link=link),
        await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": plain * 20}]}, link=link),
        await api.call("POST", "/v1/messages", {"body": plain}, link=link + "x"),
        await api.call("POST", "/v1/messages", {"body": plain, "seal": plain}, link=link),
        await api.call("GET", f"/v1/messages?cursor={plain}", link=link),
        await api.call("GET", f"/v1/{link}", link=link),
        await api.call("DELETE", f"/v1/devices/{plain}", link=link),
    ]
    assert all(answer.status >= 400 for answer in problems)
    told = "".join(answer.text for answer in problems)
    logged = log_lines.getvalue()
    measured = generate_latest(api.registry).decode()
    assert logged.count('"event":"request"') == 5 + len(problems)
    for secret in (SECRET, link, key, plain, PLAINTEXT.decode()):
        assert secret not in told
        assert secret not in logged
        assert secret not in measured
