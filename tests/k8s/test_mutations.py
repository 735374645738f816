"""No check can't fail: each notices every way in which its subject is broken."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.k8s.checks import CHECKS
from tests.k8s.manifests import Manifests
from tests.k8s.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.check.__name__}: {mutation.what}")
def test_a_broken_object_is_noticed(mutation: Mutation, rendered: Callable[[str], Manifests]) -> None:
    manifests = deepcopy(rendered(mutation.overlay))
    mutation.broken(manifests)
    found = list(mutation.check(manifests))
    assert any(mutation.says in problem for problem in found), found


def test_every_check_is_broken_somehow() -> None:
    assert {mutation.check for mutation in MUTATIONS} == set(CHECKS)
