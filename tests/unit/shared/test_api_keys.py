"""The file of API keys: what it may say, and what is said of a wrong one."""

from __future__ import annotations

import os

import pytest

from shared.api_key_file import KeyFileError, block, parse
from shared.api_keys import ApiKey, Budget, Scope, Tenant, digest_of, is_token, new_token

TOKEN = new_token(lambda size: b"\x07" * size).reveal().decode()
DIGEST = digest_of(TOKEN).hex()
A_HASH = (
    "expected the 64 hex digits of a key's SHA-256, as `scout apikey new` prints them; "
    "the key itself does not belong here"
)
AN_END = "expected a date such as 2027-01-31, or a time with a zone such as 2027-01-31T12:00:00Z"
KEY = f'[[key]]\nname = "phone"\ntenant = "acme"\nscopes = ["read"]\nsha256 = "{DIGEST}"\n'


def problems_of(text: str) -> list[str]:
    with pytest.raises(KeyFileError) as error:
        parse(text)
    return error.value.problems


def test_a_token_is_256_random_bits_that_scanners_recognise() -> None:
    token = new_token(os.urandom).reveal().decode()
    assert is_token(token)
    assert token.startswith("scout_")
    assert len(token) == 49
    assert token != new_token(os.urandom).reveal().decode()


@pytest.mark.parametrize("text", ["", "scout_", TOKEN[:-1], TOKEN + "A", TOKEN + "\n", TOKEN.replace("_", "-", 1)])
def test_what_is_no_token(text: str) -> None:
    assert not is_token(text)
    assert parse(KEY).find(text) is None


def test_a_key_is_found_by_its_token() -> None:
    ring = parse(KEY)
    assert ring.find(TOKEN) == ApiKey("phone", "acme", frozenset({Scope.READ}), digest_of(TOKEN))
    assert ring.find(new_token(os.urandom).reveal().decode()) is None
    assert ring.tenant("acme") == Tenant()


def test_a_key_comes_back_from_the_block_that_is_written_of_it() -> None:
    key = ApiKey(
        "phone",
        "acme",
        frozenset({Scope.ADMIN, Scope.READ}),
        digest_of(TOKEN),
        expires_ms=1_800_000_000_000,
        budget=Budget(2.5, 1_234_567),
    )
    assert parse(block(key)).find(TOKEN) == key


def test_budgets_and_ends() -> None:
    text = (
        KEY
        + "expires = 2027-01-31\nbudget = { packets_per_second = 20 }\n"
        + "[tenant.acme]\nbudget = { packets_per_second = 100, burst = 10 }\n"
    )
    ring = parse(text)
    key = ring.find(TOKEN)
    assert key is not None
    assert key.budget == Budget(20, 1200)
    assert key.expires_ms == 1_801_440_000_000, "the end of that day, in UTC"
    assert ring.tenant("acme").budget == Budget(100, 10)
    with_zone = parse(KEY + "expires = 2027-01-31T13:00:00+01:00\n").find(TOKEN)
    assert with_zone is not None
    assert with_zone.expires_ms == 1_801_396_800_000


def test_every_problem_at_once_by_line_and_name() -> None:
    text = f"""# keys
[[key]]
name = "phone"
tenant = "a b"
scopes = ["read", "everything"]
sha256 = "{TOKEN}"
colour = 1

[[key]]
name = "phone"
tenant = "acme"
scopes = []
sha256 = "{DIGEST}"
expires = 2027-01-31T12:00:00
budget = {{ packets_per_second = 0, bursts = 2 }}

[tenant."über"]
budget = 7

[server]
"""
    assert problems_of(text) == [
        "line 2 (phone): tenant: expected 1 to 32 letters, digits, dots, underscores or hyphens",
        'line 2 (phone): scopes: expected a list of some of read, write, relay, admin, such as ["read", "write"]',
        "line 2 (phone): sha256: " + A_HASH,
        "line 2 (phone): expected no field colour",
        'line 9 (phone): scopes: expected a list of some of read, write, relay, admin, such as ["read", "write"]',
        "line 9 (phone): expires: " + AN_END,
        "line 9 (phone): budget: packets_per_second: expected a number from 0.001 to 60000000",
        "line 9 (phone): budget: expected no field bursts",
        "line 9 (phone): name: expected one that no other key has",
        "line 17: expected a tenant's name of 1 to 32 letters, digits, dots, underscores or hyphens",
        "line 17: budget: expected a table of fields",
        "expected only [[key]] and [tenant.NAME], got server",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected at least one [[key]]"),
        ("[key]\nname = 1\n", "expected keys as [[key]]"),
        ("tenant = 1\n", "expected tenants as [tenant.NAME]"),
        (KEY + KEY.replace("phone", "tablet"), "sha256: expected one that no other key has"),
        (KEY + "scopes = 1\n", "expected TOML, got something else (at line 6, column 11)"),
        (f"{TOKEN}\n", "expected TOML, got something else (at line 1, column 50)"),
        (KEY.replace('["read"]', "[[]]"), "scopes: expected a list"),
        ("key = [ 7 ]", "key 1: expected a table of fields"),
        (
            KEY + "budget = { packets_per_second = nan }\n",
            "packets_per_second: expected a number from 0.001 to 60000000",
        ),
        (
            KEY + "budget = { packets_per_second = true }\n",
            "packets_per_second: expected a number from 0.001 to 60000000",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    assert any(problem in said for said in problems_of(text)), problems_of(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{TOKEN}\n",
        f"{TOKEN} = 1\n",
        f"[{TOKEN}]\n",
        f'[tenant."{TOKEN}"]\n',
        KEY.replace("phone", TOKEN),
        KEY.replace(DIGEST, TOKEN),
        KEY.replace('"read"', f'"{TOKEN}"'),
        KEY + f'expires = "{TOKEN}"\n',
        KEY + f"{TOKEN} = 1\n",
        KEY + f'budget = {{ {TOKEN} = "{TOKEN}" }}\n',
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(text: str) -> None:
    assert TOKEN not in "\n".join(problems_of(text))
