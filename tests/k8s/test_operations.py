"""What docs/operations.md tells operators to write and to run does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.k8s.checks import problems
from tests.k8s.manifests import SECRETS, Manifests
from tests.k8s.rendering import ROOT, kubectl, render_variant
from tests.k8s.schemas import VERSIONS, valid
from tests.k8s.settings_checks import known_settings, mounted_where_needed

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
OVERLAYS = re.findall(r"```yaml\n# k8s/overlays/mine/kustomization.yaml\n(.*?)```", PAGE, re.DOTALL)

KUBECTL = """#!/bin/sh
# makes objects as ever, and shows what would be applied instead of applying it
case "$1" in
  create) exec {kubectl} "$@" ;;
  apply) if [ "$3" = - ]; then cat; else cat "$3"; fi; echo --- ;;
  *) exit 1 ;;
esac
"""


@pytest.mark.parametrize("kustomization", OVERLAYS)
def test_an_example_keeps_to_every_convention(kustomization: str, tmp_path: Path) -> None:
    manifests = render_variant(kustomization, tmp_path)
    found = [*problems(manifests), *(problem for version in VERSIONS for problem in valid(manifests, version))]
    assert not found, "\n".join(found)


def test_there_are_examples() -> None:
    components = {path.name for path in (ROOT / "k8s" / "components").iterdir()}
    shown = set(re.findall(r"components/([a-z-]+)", "".join(OVERLAYS)))
    built_in = (ROOT / "k8s" / "overlays" / "production" / "kustomization.yaml").read_text(encoding="utf-8")
    assert components == shown | set(re.findall(r"components/([a-z-]+)", built_in))


def test_links_lead_somewhere() -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", PAGE):
        path = ROOT / "docs" / target if target else ROOT / "docs" / "operations.md"
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path.read_text(encoding="utf-8")), f"{target}#{anchor}"


def _anchors(text: str) -> set[str]:
    """Of a page's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def made(tmp_path: Path) -> list[dict[str, object]]:
    """The objects that the documented commands would apply."""
    shim = tmp_path / "bin" / "kubectl"
    shim.parent.mkdir()
    shim.write_text(KUBECTL.format(kubectl=kubectl()))
    shim.chmod(0o755)
    directory = tmp_path / "secrets"
    directory.mkdir()
    path = f"{shim.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "-euo", "pipefail", "-c", _block("secrets") + _block("apply")],
        cwd=directory,
        env={"PATH": path, "scout": str(ROOT), "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr
    assert all(not file.stat().st_mode & 0o077 for file in directory.iterdir() if file.suffix != ".toml")
    # what comes before the first object is what the commands say
    return [item for item in yaml.safe_load_all(done.stdout[done.stdout.index("apiVersion") :]) if item]


def test_the_commands_make_every_secret(made: list[dict[str, object]], rendered: Callable[[str], Manifests]) -> None:
    secrets = Manifests([item for item in made if item["kind"] == "Secret"])
    keys = {item["metadata"]["name"]: tuple(item["data"]) for item in secrets.objects}
    assert {name: sorted(found) for name, found in keys.items()} == {
        name: sorted(found) for name, found in SECRETS.items() if name != "scout-api-tls"
    }
    whole = Manifests([*rendered("production").objects, *secrets.objects])
    assert {item["metadata"]["namespace"] for item in whole.objects if "namespace" in item["metadata"]} == {"scout"}
    assert not [*known_settings(whole), *mounted_where_needed(whole)]


def _block(name: str) -> str:
    """A block of commands, by the comment that begins it."""
    (found,) = re.findall(rf"```sh\n# {name}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)
