"""When a call is made again, when it must not be, and what its errors say."""

from __future__ import annotations

import pytest

import scout
from scout.transport import Call
from shared.json_bytes import Hex
from tests.support.scripted_api import Reply, VirtualTime, problem, scripted_api, surroundings

STORING = {"asked": 8, "answered": 8, "stored": 8, "rejected": {}, "timed_out": 0}
DEVICES = Reply(200, {"devices": []})


def client(url: str, time: VirtualTime, *, timeout: float = 30.0) -> scout.Client:
    return scout.Client(url, surroundings=surroundings(time), timeout=timeout)


async def test_a_reading_call_is_repeated_until_the_service_is_back() -> None:
    time = VirtualTime()
    async with (
        scripted_api(problem(503, "dht_unavailable"), Reply(502, "<html>gateway</html>"), DEVICES) as api,
        client(api.url, time) as made,
    ):
        assert await made.link("handle").devices() == []
        assert [asked.path for asked in api.asked] == ["/v1/devices"] * 3
        assert time.slept == [0.1, 0.2]  # half of 0.2 s and of 0.4 s: the dice show zero


async def test_retry_after_is_honoured() -> None:
    time = VirtualTime()
    async with (
        scripted_api(problem(503, "overloaded", retry_after=3), DEVICES) as api,
        client(api.url, time) as made,
    ):
        await made.link("handle").devices()
        assert time.slept == [3.0]


async def test_a_retry_after_beyond_the_timeout_is_not_waited_for() -> None:
    time = VirtualTime()
    async with (
        scripted_api(problem(503, "overloaded", retry_after=60)) as api,
        client(api.url, time, timeout=30) as made,
    ):
        with pytest.raises(scout.ScoutApiError) as caught:
            await made.link("handle").devices()
        assert (caught.value.status, caught.value.retry_after) == (503, 60.0)
        assert time.slept == []


async def test_attempts_are_bounded() -> None:
    time = VirtualTime()
    async with (
        scripted_api(*[problem(503, "dht_unavailable")] * 4) as api,
        client(api.url, time) as made,
    ):
        with pytest.raises(scout.ScoutApiError, match="dht_unavailable"):
            await made.link("handle").devices()
        assert len(api.asked) == 4


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_request"), (403, "bad_handle"), (500, "internal")])
async def test_what_would_fail_again_is_not_repeated(status: int, code: str) -> None:
    async with (
        scripted_api(problem(status, code, "expected this, got that", limit=7)) as api,
        client(api.url, VirtualTime()) as made,
    ):
        with pytest.raises(scout.ScoutApiError) as caught:
            await made.link("handle").devices()
        assert (caught.value.code, caught.value.detail) == (code, "expected this, got that")
        assert caught.value.facts == {"limit": 7}
        assert len(api.asked) == 1


async def test_a_message_is_sent_again_under_the_same_idempotency_key() -> None:
    sent = Reply(200, {"number": 1, "target": "ab" * 20, "seq": 2, "storing": STORING})
    async with (
        scripted_api(Reply(drop=True), problem(503, "bus_unavailable"), sent) as api,
        client(api.url, VirtualTime()) as made,
    ):
        assert (await made.link("handle").send(b"hello")).storing.stored == 8
        keys = {asked.headers["Idempotency-Key"] for asked in api.asked}
        assert len(api.asked) == 3
        assert keys == {"00" * 16}
        assert {asked.headers["Scout-Link"] for asked in api.asked} == {"handle"}


async def test_nothing_listening_is_unreachable_and_says_that_nothing_was_sent() -> None:
    async with scripted_api() as api:
        gone = api.url
    time = VirtualTime()
    async with client(gone, time) as made:
        with pytest.raises(scout.Unreachable) as caught:
            await made.create_key()
    assert (caught.value.url, caught.value.sent) == (gone, False)
    assert len(time.slept) == 3


async def test_a_redirect_is_not_followed_with_the_handle_in_its_hand() -> None:
    async with (
        scripted_api(Reply(302, "", {"Location": "http://127.0.0.1:1/"})) as api,
        client(api.url, VirtualTime()) as made,
    ):
        with pytest.raises(scout.ScoutApiError, match="http_302"):
            await made.link("handle").devices()
        assert len(api.asked) == 1


async def test_something_else_at_the_address_is_said_plainly() -> None:
    async with scripted_api(Reply(200, "<html>hello</html>")) as api, client(api.url, VirtualTime()) as made:
        with pytest.raises(scout.ScoutApiError, match="expected a Scout service"):
            await made.link("handle").devices()


async def test_an_address_that_is_none_is_unreachable() -> None:
    async with client("not an address", VirtualTime()) as made:
        with pytest.raises(scout.Unreachable, match="expected an address like"):
            await made.create_key()


async def test_the_api_key_goes_along() -> None:
    async with scripted_api(DEVICES) as api, scout.Client(api.url, api_key="sesame") as made:
        await made.link("handle").devices()
        assert api.asked[0].headers["Authorization"] == "Bearer sesame"


async def test_a_hash_that_is_none_stays_one_part_of_the_path() -> None:
    async with scripted_api(problem(400, "invalid_request")) as api, client(api.url, VirtualTime()) as made:
        with pytest.raises(scout.ScoutApiError, match="invalid_request"):
            await made.get_item("../keys?x=1")
        assert api.asked[0].path == "/v1/items/../keys?x=1"
        assert api.asked[0].query == {}


def test_handles_and_secrets_stay_out_of_reprs() -> None:
    key = scout.Key(key="handle-of-key", public_key=Hex(b"\x01" * 32))
    assert "handle-of-key" not in repr(key)
    call = Call("POST", "/v1/keys", {"secret": "the-secret"}, headers={"Scout-Link": "the-handle"})
    assert repr(call) == "Call(method='POST', path='/v1/keys', params={}, repeatable=True)"


async def test_what_was_refused_at_the_door_is_made_again_whatever_it_is() -> None:
    time = VirtualTime()
    stored = Reply(200, {"value": ""})
    async with (
        scripted_api(problem(429, "budget_spent", retry_after=7), stored) as api,
        client(api.url, time) as made,
    ):
        await made.transport.perform(Call("POST", "/v1/once", {}, repeatable=False))
        assert time.slept == [7.0]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthorized", scout.Unauthorized),
        (403, "forbidden_scope", scout.ScopeMissing),
        (403, "bad_handle", scout.ScoutApiError),
        (429, "budget_spent", scout.BudgetSpent),
    ],
)
async def test_problems_of_keys_and_budgets_have_types_of_their_own(
    status: int, code: str, kind: type[scout.ScoutApiError]
) -> None:
    async with (
        scripted_api(*[problem(status, code, scope="write", retry_after=99)] * 4) as api,
        client(api.url, VirtualTime()) as made,
    ):
        with pytest.raises(kind) as caught:
            await made.link("handle").devices()
        assert type(caught.value) is kind
        assert caught.value.facts["scope"] == "write"
        assert len(api.asked) == 1, "it would not help, or not in time"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_unquoted(key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        scout.Client("http://127.0.0.1:1", api_key=key)
    assert not key or key not in str(caught.value)


def test_a_client_does_not_show_its_key() -> None:
    assert "sesame" not in repr(scout.Client("http://127.0.0.1:1", api_key="sesame"))
