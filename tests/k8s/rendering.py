"""`kubectl kustomize`, as an operator runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.k8s.manifests import Manifests

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "k8s" / "overlays"
RENDER_WITHIN_S = 30


def render(directory: Path) -> Manifests:
    """All objects of a kustomization. Fails the test with kubectl's own words when it does not render."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(directory)],
        capture_output=True,
        text=True,
        timeout=RENDER_WITHIN_S,
        check=False,
    )
    assert not done.returncode, f"{directory.name} does not render: {done.stderr}"
    assert not done.stderr, f"{directory.name} renders with warnings: {done.stderr}"
    return Manifests([item for item in yaml.safe_load_all(done.stdout) if item])


def kubectl() -> str:
    """Where kubectl is; the tests can't do without it."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.fail("kubectl is not installed: install Kubernetes's client, 1.27 or later (kustomize 5)", pytrace=False)
    return found


def render_variant(kustomization: str, directory: Path, **files: str) -> Manifests:
    """Render an overlay of the tests' own beside the project's; `files` are written beside it, by name."""
    for source in ("k8s", "observability"):
        shutil.copytree(ROOT / source, directory / source)
    overlay = directory / "k8s" / "overlays" / "mine"
    overlay.mkdir()
    for name, text in {"kustomization.yaml": kustomization, **files}.items():
        (overlay / name).write_text(text, encoding="utf-8")
    return render(overlay)
