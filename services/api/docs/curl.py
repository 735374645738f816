"""Calls as one types them: curl, with what is one's own in shell variables."""

from __future__ import annotations

import json
from typing import Any

from services.api.endpoints import EVENT_STREAM

INDENT = "  "
WIDTH = 64
"""Characters of a line before it is broken."""


def curl(method: str, path: str, operation: dict[str, Any], headers: list[str]) -> str:
    """The call of an operation with its examples; `headers` are the required ones among its parameters."""
    body = operation.get("requestBody")
    verb = "" if method == ("GET" if body is None else "POST") else f"-X {method} "
    # what comes piece by piece is shown piece by piece
    shown = "-sN" if EVENT_STREAM in _media(operation) else "-s"
    words = [f'curl {shown} {verb}"$api{_filled(path, operation)}"']
    if operation["security"]:
        words.append('-H "Authorization: Bearer $key"')
    words += [f'-H "{name}: ${name.rpartition("-")[2].lower()}"' for name in headers]
    if body is not None:
        words += [
            "-H 'Content-Type: application/json'",
            f"-d '{_json(body['content']['application/json']['example'])}'",
        ]
    line = " ".join(words)
    return line if len(line) <= WIDTH else f" \\\n{INDENT}".join(words)


def _media(operation: dict[str, Any]) -> set[str]:
    """What its answers are made of."""
    return {media for answer in operation.get("responses", {}).values() for media in answer.get("content", ())}


def _filled(path: str, operation: dict[str, Any]) -> str:
    """The path with the examples of its parameters."""
    given = [one for one in operation["parameters"] if one.get("in") in {"path", "query"} and "example" in one]
    for parameter in given:
        path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    query = "&".join(f"{one['name']}={one['example']}" for one in given if one["in"] == "query")
    return f"{path}?{query}" if query else path


def _json(body: dict[str, Any]) -> str:
    """A body on one line, or with a line for each of its fields."""
    line = json.dumps(body)
    if len(line) + len(INDENT) + len("-d ''") <= WIDTH:
        return line
    fields = [f"{2 * INDENT}{json.dumps(name)}: {json.dumps(value)}" for name, value in body.items()]
    return "{\n" + ",\n".join(fields) + f"\n{INDENT}}}"
