"""Every field of every object is one that Kubernetes, KEDA or the Prometheus operator knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.k8s.manifests import Manifests, Object, called

VERSIONS = ("1.36", "1.37")
"""Of the Kubernetes that the manifests are held against."""
SCHEMAS = Path(__file__).parent / "schemas"
OURS = {"ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule"}
"""Custom resources, whose schemas lie beside this file: of each the fields that are used, after its reference."""


def valid(manifests: Manifests, version: str) -> Iterator[str]:
    """What is no field, or of another type, in Kubernetes `version`."""
    for item in manifests.objects:
        if item["kind"] in OURS:
            yield from (f"{called(item)}: {problem}" for problem in _custom(item))
        else:
            try:
                kubernetes_validate.validate(item, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{called(item)}: {'.'.join(map(str, error.path))}: {error.message}"


def _custom(item: Object) -> Iterator[str]:
    for error in _validator(item["kind"]).iter_errors(item):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"


@cache
def _validator(kind: str) -> Any:
    metadata = Resource.from_contents(_schema("metadata"))
    return Draft202012Validator(_schema(kind.lower()), registry=Registry().with_resource("metadata.json", metadata))


def _schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
