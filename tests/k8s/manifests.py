"""Rendered manifests as the checks read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
PART_OF = "app.kubernetes.io/part-of"
METADATA_NAME = "kubernetes.io/metadata.name"

API, CRYPTO, DHT_NODE, REDIS = "scout-api", "scout-crypto", "scout-dht-node", "scout-redis"
SERVICES = (API, CRYPTO, DHT_NODE)

SECRETS = {
    "scout-bus-key": ("bus-key",),
    "scout-master-keys": ("master-keys",),
    "scout-api-keys": ("api-keys.toml",),
    "scout-redis-api": ("redis-password",),
    "scout-redis-crypto": ("redis-password",),
    "scout-redis-dht-node": ("redis-password",),
    "scout-redis-users": ("users.acl",),
    "scout-redis-keda": ("redis-username", "redis-password"),
    "scout-api-tls": ("tls.crt", "tls.key"),
}
"""What staging and production expect to find; docs/operations.md makes each of them."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or a StatefulSet."""

    manifest: Object

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def spec(self) -> Object:
        return object_at(self.manifest, "spec")

    @property
    def labels(self) -> dict[str, str]:
        return object_at(self.spec, "template", "metadata", "labels")

    @property
    def pod(self) -> Object:
        return object_at(self.spec, "template", "spec")

    @property
    def containers(self) -> list[Object]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def ports(self) -> dict[str, Object]:
        """Container ports by name."""
        return {port["name"]: port for container in self.containers for port in container.get("ports", [])}


@dataclass(frozen=True, slots=True)
class Manifests:
    """All objects of one rendering."""

    objects: list[Object]

    def of(self, *kinds: str) -> Iterator[Object]:
        """All objects of these kinds."""
        return (item for item in self.objects if item["kind"] in kinds)

    def get(self, kind: str, name: str) -> Object | None:
        """One object."""
        return next((item for item in self.of(kind) if item["metadata"]["name"] == name), None)

    def workloads(self) -> list[Workload]:
        """Everything that has pods."""
        return [Workload(item) for item in self.of("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")]

    def workload(self, name: str) -> Workload:
        """The one of this name."""
        return next(workload for workload in self.workloads() if workload.name == name)

    def selected(self, selector: Object | None) -> list[Workload]:
        """The workloads whose pods a label selector finds."""
        return [workload for workload in self.workloads() if matches(selector or {}, workload.labels)]


def object_at(tree: Object, *path: str) -> Object:
    """The mapping at `path`; an empty one where there is none."""
    for step in path:
        tree = tree.get(step) or {}
    return tree


def called(item: Object) -> str:
    """How a problem names an object."""
    return f"{item['kind']} {item['metadata']['name']}"


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector (or the plain mapping of a Service) finds `labels`; an empty one finds everything."""
    plain = selector if not selector.keys() & {"matchLabels", "matchExpressions"} else selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in plain.items()):
        return False
    expressions = selector.get("matchExpressions", [])
    return all(labels.get(expression["key"]) in _values(expression) for expression in expressions)


def _values(expression: Object) -> list[str]:
    assert expression["operator"] == "In", "the only operator that these manifests use"
    return list(expression["values"])
