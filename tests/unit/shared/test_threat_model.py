"""The threat model names its tests, and they are there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WITH_TESTS = "shown by"


@functools.cache
def functions_of(path: str) -> frozenset[str]:
    module = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def rows() -> list[str]:
    """The rows of every table that says by what its claims are shown."""
    found, is_claims = [], False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            is_claims = False
        elif WITH_TESTS in line:
            is_claims = True
        elif is_claims and not line.startswith("|---"):
            found.append(line)
    return found


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE))))
def test_every_test_that_it_names_exists(path: str, name: str) -> None:
    assert name in functions_of(path)


@pytest.mark.parametrize("row", rows())
def test_every_claim_names_a_test(row: str) -> None:
    assert NAMED.search(row.rsplit("|", 2)[1])


def test_it_is_about_everybody() -> None:
    assert len(rows()) > 40
