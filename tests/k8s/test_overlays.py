from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.k8s.checks import CHECKS, Check
from tests.k8s.manifests import Manifests


@pytest.mark.parametrize("overlay", ["local", "staging", "production"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_an_overlay_keeps_to(check: Check, overlay: str, rendered: Callable[[str], Manifests]) -> None:
    assert not list(check(rendered(overlay)))
