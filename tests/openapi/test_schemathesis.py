"""`make openapi-test`: thousands of requests made from /openapi.json to a real stack, each answer held against it."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.api.routes import all_endpoints
from services.standalone.app import Stack
from services.standalone.config import StandaloneConfig
from shared.api_keys import ApiKey, KeyRing, Scope, digest_of, new_token
from tests.openapi.campaign import Campaign, say
from tests.support.standalone import stack_in_a_thread

TOKEN = new_token(os.urandom).reveal().decode()
OPERATIONS = {
    f"{endpoint.method} {endpoint.path}"
    for endpoint in all_endpoints()
    if endpoint.listed and not endpoint.is_endless  # which have tests of their own
}


@pytest.fixture(scope="module")
def guarded_stack() -> Iterator[Stack]:
    digest = digest_of(TOKEN)
    ring = KeyRing({digest: ApiKey("all", "default", frozenset(Scope), digest)})
    with stack_in_a_thread(StandaloneConfig(swarm=8, swarm_network="127.78", api_keys=ring)) as running:
        yield running


def post(stack: Stack, path: str, body: dict[str, Any], token: str | None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    request = urllib.request.Request(stack.api_url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20.0) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def known_to(stack: Stack, token: str | None = None) -> dict[str, list[str]]:
    """Links, keys, items and nodes that are there."""
    secrets = [f"{number:02x}" * 32 for number in (1, 2, 3)]
    return {
        "links": [post(stack, "/v1/links", {"secret": secret}, token)["link"] for secret in secrets],
        "keys": [post(stack, "/v1/keys", {}, token)["key"] for _ in range(2)],
        "items": [post(stack, "/v1/items", {"value": "aGVsbG8"}, token)["hash"]],
        "nodes": [str(node) for node in stack.swarm],
    }


@pytest.mark.timeout(300)
def test_every_answer_is_as_documented(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Campaign(stack.api_url, known_to(stack), examples=60).run(tmp_path)
    say(capsys, outcome.summary())
    assert outcome.exit_status == 0, "schemathesis says above what it found"
    assert len(outcome.cases) >= 2000
    assert outcome.reached >= OPERATIONS
    assert outcome.accepted_share > 0.7, "nearly all is refused: nothing was tested but the door"


@pytest.mark.timeout(300)
def test_with_api_keys(guarded_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = known_to(guarded_stack, TOKEN)
    outcome = Campaign(guarded_stack.api_url, known, examples=5, token=TOKEN).run(tmp_path)
    say(capsys, outcome.summary())
    assert outcome.exit_status == 0, "schemathesis says above what it found"
    assert outcome.reached >= OPERATIONS
    assert any(case.status == 401 for case in outcome.cases)
