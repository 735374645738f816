from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.k8s.manifests import Manifests
from tests.k8s.rendering import OVERLAYS, render


@pytest.fixture(scope="session")
def rendered() -> Callable[[str], Manifests]:
    """The objects of an overlay by its name, rendered once."""
    return cache(lambda overlay: render(OVERLAYS / overlay))
