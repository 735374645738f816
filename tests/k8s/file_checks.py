"""What can be said of the files alone: how they are cut, and what a component must not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

KUSTOMIZATION = "kustomization.yaml"
REWRITING = {"labels", "commonLabels", "commonAnnotations", "namespace", "namePrefix", "nameSuffix", "images"}
"""Transformers: in a component they take hold of all that was gathered before it."""


def one_object_a_file(k8s: Path) -> Iterator[str]:
    """In the base a file has one object and is called by its kind."""
    for path in sorted((k8s / "base").rglob("*.yaml")):
        if path.name != KUSTOMIZATION:
            kinds = [item["kind"] for item in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
            if [f"{kind.lower()}.yaml" for kind in kinds] != [path.name]:
                yield f"{path.relative_to(k8s)}: holds {kinds}"


def every_file_is_used(k8s: Path) -> Iterator[str]:
    """No file lies about that no kustomization reads."""
    for path in sorted(k8s.rglob("*")):
        if path.is_file() and path.name != KUSTOMIZATION:
            at = next(parent for parent in path.parents if (parent / KUSTOMIZATION).exists())
            if str(path.relative_to(at)) not in (at / KUSTOMIZATION).read_text(encoding="utf-8"):
                yield f"{path.relative_to(k8s)}: no kustomization reads it"


def components_only_add(k8s: Path) -> Iterator[str]:
    """A component has no transformer that rewrites what is not its own."""
    for path, found in _kustomizations(k8s / "components"):
        if found["kind"] != "Component" or REWRITING & found.keys():
            yield f"{path.relative_to(k8s)}: expected a Component without {sorted(REWRITING & found.keys())}"


def labels_reach_pods(k8s: Path) -> Iterator[str]:
    """Labels are set on pods too, and never in selectors, which can't be changed."""
    for path, found in _kustomizations(k8s):
        for labels in found.get("labels", []):
            if labels.get("includeTemplates") is not True or labels.get("includeSelectors"):
                yield f"{path.relative_to(k8s)}: expected labels with includeTemplates, and without includeSelectors"


def names_carry_hashes(k8s: Path) -> Iterator[str]:
    """Whatever is generated changes its name with its content."""
    for path, found in _kustomizations(k8s):
        generators = [*found.get("configMapGenerator", []), *found.get("secretGenerator", [])]
        options = [found.get("generatorOptions", {}), *(each.get("options", {}) for each in generators)]
        if any("disableNameSuffixHash" in each for each in options):
            yield f"{path.relative_to(k8s)}: expected names with a hash"


def _kustomizations(directory: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(directory.rglob(KUSTOMIZATION)):
        yield path, yaml.safe_load(path.read_text(encoding="utf-8"))


CHECKS = (one_object_a_file, every_file_is_used, components_only_add, labels_reach_pods, names_carry_hashes)
