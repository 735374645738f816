"""What browsers are told, and which pages may call."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
from yarl import URL

from services.api.headers import ALWAYS, origin
from services.api.service import Limits
from shared import logs
from tests.unit.api.world import Api, a_token, an_api, keys_of

APP = "https://app.example"
KEYS = '[[key]]\nname = "phone"\ntenant = "acme"\nscopes = ["read"]\nsha256 = "{phone}"\n'


@pytest.mark.parametrize("path", ["/", "/v1/nothing", "/v1/dht/status", "/console", "/openapi.json"])
async def test_every_answer_is_kept_to_itself(api: Api, path: str) -> None:
    async with api.http.get(api.url + path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "scout"
        assert answer.headers["X-Request-Id"]
        assert "Strict-Transport-Security" not in answer.headers
        assert not any(name.startswith("Access-Control") for name in answer.headers)


async def test_what_holds_secrets_is_not_kept_by_caches(api: Api) -> None:
    made = await api.call("POST", "/v1/keys", {})
    assert made.headers["Cache-Control"] == "no-store"
    record = await api.call("GET", "/v1/record", link=await api.link())
    assert record.headers["Cache-Control"] == ALWAYS["Cache-Control"]


async def test_what_is_not_even_http_learns_no_version(api: Api) -> None:
    reader, writer = await asyncio.open_connection(URL(api.url).host, URL(api.url).port)
    writer.write(b"NONSENSE\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer.splitlines()[0]
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    writer.close()
    await writer.wait_closed()


async def test_a_page_of_a_listed_origin_may_call() -> None:
    async with an_api(keys=keys_of(KEYS), origins=[APP]) as api:
        asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}
        may = await api.call("OPTIONS", "/v1/keys", headers=asked)
        assert may.status == 204
        assert may.headers["Access-Control-Allow-Origin"] == APP
        assert "Authorization" in may.headers["Access-Control-Allow-Headers"]
        assert "POST" in may.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in may.headers
        made = await api.call("POST", "/v1/keys", {}, key=a_token("phone"), headers={"Origin": APP})
        assert made.headers["Access-Control-Allow-Origin"] == APP
        assert "Retry-After" in made.headers["Access-Control-Expose-Headers"]
        assert made.headers["Vary"] == "Origin"
        refused = await api.call("POST", "/v1/keys", {}, headers={"Origin": APP})
        assert refused.status == 401
        assert refused.headers["Access-Control-Allow-Origin"] == APP, "the page should see why"


@pytest.mark.parametrize("other", ["https://app.example.net", "http://app.example", "null", "https://APP.example"])
async def test_pages_of_other_origins_may_not(other: str) -> None:
    async with an_api(keys=keys_of(KEYS), origins=[APP]) as api:
        asked = {"Origin": other, "Access-Control-Request-Method": "POST"}
        refused = await api.call("OPTIONS", "/v1/keys", headers=asked)
        assert refused.status == 401
        made = await api.call("POST", "/v1/keys", {}, key=a_token("phone"), headers={"Origin": other})
        for answer in (refused, made):
            assert not any(name.startswith("Access-Control") for name in answer.headers)
            assert answer.headers["Vary"] == "Origin"


async def test_without_origins_a_preflight_is_a_wrong_method(api: Api) -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    refused = await api.call("OPTIONS", "/v1/keys", headers=asked)
    assert refused.status == 405
    assert not any(name.startswith("Access-Control") for name in refused.headers)


async def test_browsers_are_told_to_come_by_tls_when_the_operator_says_so() -> None:
    async with an_api(hsts_s=300) as api:
        assert (await api.call("GET", "/")).headers["Strict-Transport-Security"] == "max-age=300"


@pytest.mark.parametrize("text", ["https://app.example", "http://127.0.0.1:3000", "https://[2001:db8::1]:444"])
def test_an_origin(text: str) -> None:
    assert origin(text) == text


@pytest.mark.parametrize(
    "text", ["*", "app.example", "https://app.example/", "https://App.example", "ftp://x", "https://u@x", "https://x:y"]
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="an origin such as"):
        origin(text)


@pytest.mark.parametrize("wanted", [False, True])
async def test_the_log_says_where_requests_come_from_only_where_it_is_wanted(wanted: bool) -> None:
    root = logging.getLogger()
    handlers, level, stream = root.handlers[:], root.level, io.StringIO()
    logs.configure("api", "info", stream)
    try:
        async with an_api(log_addresses=wanted, limits=Limits()) as api:
            made = await api.call("POST", "/v1/keys", {}, headers={"X-Forwarded-For": "192.0.2.1"})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "request"]
    assert (line["route"], line["status"], line["bytes"]) == ("POST /v1/keys", 200, len(made.text))
    assert line["trace"] == made.headers["X-Request-Id"]
    assert line.get("address") == ("127.0.0.1" if wanted else None)
