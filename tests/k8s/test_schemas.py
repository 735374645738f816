from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.k8s.manifests import Manifests, Object
from tests.k8s.schemas import VERSIONS, valid


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", ["local", "staging", "production"])
def test_every_field_is_known(overlay: str, version: str, rendered: Callable[[str], Manifests]) -> None:
    problems = list(valid(rendered(overlay), version))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_field_that_nobody_knows_is_found_in_every_object(version: str, rendered: Callable[[str], Manifests]) -> None:
    for item in rendered("production").objects:
        broken = deepcopy(item)
        _inner(broken)["maxUnavailble"] = 1
        found = list(valid(Manifests([broken]), version))
        assert any("maxUnavailble" in problem for problem in found), item["kind"]


def _inner(item: Object) -> Object:
    """Where an object has its fields."""
    inner: Object = item.get("spec") or item
    return inner
