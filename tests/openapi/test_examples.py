"""What the documentation's page shows to be copied, typed into a real shell."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.docs.curl import curl
from services.api.docs.words import first_steps
from services.api.endpoints import EVENT_STREAM
from services.api.openapi.components import example_of
from services.api.openapi.document import document
from services.api.openapi.operations import PARAMETERS
from services.api.routes import all_endpoints
from services.api.schemas import ItemRequest, RewrapRequest
from services.standalone.app import Stack
from tests.openapi.test_schemathesis import post

DOCUMENT = document(all_endpoints(), "1")
CALLS = [
    (method.upper(), path, said) for path, methods in DOCUMENT["paths"].items() for method, said in methods.items()
]


def shell(script: str) -> str:
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()  # noqa: TID251  # what the service compares with its own


def link_header(said: dict[str, Any]) -> list[str]:
    named = {one.get("$ref", "").rpartition("/")[2] for one in said["parameters"]}
    return [name for name, parameter in PARAMETERS.items() if parameter.get("required") and name in named]


@pytest.mark.parametrize(("method", "path", "said"), CALLS, ids=[said["operationId"] for _, _, said in CALLS])
def test_a_call_works_as_it_stands(method: str, path: str, said: dict[str, Any], stack: Stack) -> None:
    link = post(stack, "/v1/links", {"secret": "0c" * 32}, None)["link"]
    post(stack, "/v1/items", example_of(ItemRequest), None)
    call = curl(method, path, said, link_header(said)).replace("curl", "curl -o /dev/null -w '%{http_code}'", 1)
    # a handle is its owner's, and times pass
    call = call.replace(example_of(RewrapRequest)["handle"], "'$link'")
    if EVENT_STREAM in said["responses"]["200"]["content"]:
        call += " --max-time 1 || true"  # it has no end of its own
    call = re.sub(r'"end":"[^"]+"', f'"end":"{tomorrow()}"', call)
    assert shell(f"api={stack.api_url} link={link}\n{call}") == "200"


def test_the_first_steps_lead_somewhere(stack: Stack) -> None:
    steps = first_steps(secured=False).replace("http://127.0.0.1:8080", stack.api_url)
    # jq is what people have; here the shell's own Python stands in for it
    steps = steps.replace("jq -r .link", "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"link\"])'")
    assert '"addresses":["127.0.0.1:443"],"name":"phone"' in shell(steps).splitlines()[-1]
