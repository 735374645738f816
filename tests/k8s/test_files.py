from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.k8s import file_checks
from tests.k8s.rendering import OVERLAYS, ROOT

K8S = ROOT / "k8s"

BROKEN = [
    (file_checks.one_object_a_file, "base/api/service.yaml", "---\nkind: Service\n", "base/api/service.yaml"),
    (file_checks.one_object_a_file, "base/api/extra.yaml", "kind: Role\n", "['Role']"),
    (file_checks.every_file_is_used, "components/keda/secret.yaml", "kind: Secret\n", "components/keda/secret.yaml"),
    (file_checks.components_only_add, "components/keda/kustomization.yaml", "labels: []\n", "labels"),
    (
        file_checks.labels_reach_pods,
        "components/ingress/kustomization.yaml",
        "labels: [{pairs: {a: b}, includeSelectors: true}]\n",
        "includeTemplates",
    ),
    (
        file_checks.names_carry_hashes,
        "components/ingress/kustomization.yaml",
        "generatorOptions: {disableNameSuffixHash: true}\n",
        "hash",
    ),
]


@pytest.mark.parametrize("check", file_checks.CHECKS, ids=lambda check: check.__name__)
def test_the_files_keep_to(check: Callable[[Path], Iterator[str]]) -> None:
    assert not list(check(K8S))


@pytest.mark.parametrize(("check", "name", "more", "says"), BROKEN)
def test_a_broken_file_is_noticed(
    check: Callable[[Path], Iterator[str]], name: str, more: str, says: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(K8S, tmp_path / "k8s")
    with (copy / name).open("a", encoding="utf-8") as file:
        file.write(more)
    assert any(says in problem for problem in check(copy))


def test_every_check_of_files_is_broken_somehow() -> None:
    assert {check for check, *_ in BROKEN} == set(file_checks.CHECKS)


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_an_overlay_deploys_this_version(overlay: str) -> None:
    found = yaml.safe_load((OVERLAYS / overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    assert {image["name"]: image["newTag"] for image in found["images"]} == dict.fromkeys(
        ("scout-api", "scout-crypto", "scout-dht-node"), version("scout")
    )
