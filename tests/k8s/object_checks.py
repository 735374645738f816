"""What holds between the objects: labels and selectors, budgets, scaling, references."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.manifests import (
    API,
    CRYPTO,
    DHT_NODE,
    INSTANCE,
    NAME,
    PART_OF,
    REDIS,
    Manifests,
    Object,
    Workload,
    called,
    object_at,
)
from tests.k8s.reference_checks import settings_of

POD_NAME = "statefulset.kubernetes.io/pod-name"
CLUSTER_WIDE = {"Namespace"}


def labels(manifests: Manifests) -> Iterator[str]:
    """Objects, pods and claims say what they are, of what they are a part, and of which installation."""
    (namespace,) = (item["metadata"]["name"] for item in manifests.of("Namespace"))
    for item in manifests.objects:
        yield from _unlabelled(called(item), object_at(item, "metadata", "labels"), namespace, item["kind"])
    for workload in manifests.workloads():
        yield from _unlabelled(f"pods of {workload.name}", workload.labels, namespace, "Pod")
        for claim in workload.spec.get("volumeClaimTemplates", []):
            if "app.kubernetes.io/version" in object_at(claim, "metadata", "labels"):
                yield f"{workload.name}: a claim can't be changed, so no label of it may change with a release"


def _unlabelled(what: str, found: Object, namespace: str, kind: str) -> Iterator[str]:
    if found.get(PART_OF) != "scout" or found.get(INSTANCE) != namespace:
        yield f"{what}: expected {PART_OF} scout and {INSTANCE} {namespace}, got {found}"
    if not found.get(NAME) and kind not in {"Namespace", "NetworkPolicy", "Secret"}:
        yield f"{what}: expected {NAME}"


def namespaces(manifests: Manifests) -> Iterator[str]:
    """Everything lies in the one namespace that is made with it."""
    (namespace,) = (item["metadata"]["name"] for item in manifests.of("Namespace"))
    for item in manifests.objects:
        if item["kind"] not in CLUSTER_WIDE and item["metadata"].get("namespace") != namespace:
            yield f"{called(item)}: expected to lie in {namespace}"


def selectors(manifests: Manifests) -> Iterator[str]:
    """Selectors carry the name alone (they can't be changed later), and find the pods that they mean."""
    for what, selector in _selectors(manifests):
        keys = set(selector.get("matchLabels", {})) | {each["key"] for each in selector.get("matchExpressions", [])}
        if keys != {NAME}:
            yield f"{what}: expected {NAME} alone, got {sorted(keys)}"
        if not manifests.selected(selector):
            yield f"{what}: finds no pod"
    for workload in manifests.workloads():
        if workload not in manifests.selected(workload.spec["selector"]):
            yield f"{workload.name}: its selector does not find its own pods"
    names = [workload.labels.get(NAME) for workload in manifests.workloads()]
    if len(names) != len(set(names)):
        yield f"two workloads share a name: {names}"


def _selectors(manifests: Manifests) -> Iterator[tuple[str, Object]]:
    for item in manifests.of("Deployment", "StatefulSet", "PodDisruptionBudget", "PodMonitor"):
        yield called(item), item["spec"]["selector"]
    for item in manifests.of("Service"):
        # of one pod of a StatefulSet there is no other label
        pod_too = item["spec"].get("type") == "LoadBalancer"
        plain = {key: value for key, value in item["spec"]["selector"].items() if not (pod_too and key == POD_NAME)}
        yield called(item), {"matchLabels": plain}
    for item in manifests.of("NetworkPolicy"):
        if item["spec"]["podSelector"]:
            yield called(item), item["spec"]["podSelector"]
    for workload in manifests.workloads():
        for spread in workload.pod.get("topologySpreadConstraints", []):
            yield f"spread of {workload.name}", spread["labelSelector"]


def disruption_budgets(manifests: Manifests) -> Iterator[str]:
    """A drain of nodes takes one pod of each workload at a time."""
    for workload in manifests.workloads():
        budgets = [
            item["spec"]
            for item in manifests.of("PodDisruptionBudget")
            if workload in manifests.selected(item["spec"]["selector"])
        ]
        if [budget.get("maxUnavailable") for budget in budgets] != [1]:
            yield f"{workload.name}: expected one PodDisruptionBudget with maxUnavailable 1"


def spread(manifests: Manifests) -> Iterator[str]:
    """Replicas are spread over nodes and zones, as far as there are any."""
    for workload in manifests.workloads():
        if workload.spec.get("replicas") != 1:
            topologies = {each["topologyKey"] for each in workload.pod.get("topologySpreadConstraints", [])}
            if missing := {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} - topologies:
                yield f"{workload.name}: expected to be spread over {sorted(missing)}"


def scaling(manifests: Manifests) -> Iterator[str]:
    """API and crypto are scaled by exactly one thing and say no replicas; the DHT node and Redis say how many."""
    targets = [
        object_at(item, "spec", "scaleTargetRef") for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject")
    ]
    if sorted(str(target.get("name")) for target in targets) != [API, CRYPTO]:
        yield f"expected one scaler each for {API} and {CRYPTO}, got {targets}"
    for target in targets:
        if manifests.get(str(target.get("kind")), str(target.get("name"))) is None:
            yield f"a scaler's target is not there: {target}"
    for workload in manifests.workloads():
        scaled = workload.name in {API, CRYPTO}
        if scaled and "replicas" in workload.spec:
            yield f"{workload.name}: expected no replicas, which an apply would set back"
        if not scaled and not workload.spec.get("replicas"):
            yield f"{workload.name}: expected replicas"


def dht_node_is_stateful(manifests: Manifests) -> Iterator[str]:
    """The DHT node keeps its state on a volume of its own, and its pods start together."""
    node = manifests.workload(DHT_NODE)
    if node.manifest["kind"] != "StatefulSet" or node.spec.get("podManagementPolicy") != "Parallel":
        yield f"{DHT_NODE}: expected a StatefulSet, Parallel"
    mounts = {mount["name"]: mount["mountPath"] for mount in node.containers[0].get("volumeMounts", [])}
    claims = {claim["metadata"]["name"] for claim in node.spec.get("volumeClaimTemplates", [])}
    kept = [mounts.get(claim) for claim in claims]
    settings = settings_of(manifests, node)
    if kept != [settings.get("SCOUT_DHT_STATE_DIR")]:
        yield f"{DHT_NODE}: expected SCOUT_DHT_STATE_DIR on its claim, got {settings.get('SCOUT_DHT_STATE_DIR')}"


def load_balancers(manifests: Manifests) -> Iterator[str]:
    """Where load balancers stand before the DHT nodes there is one for each, and it keeps source addresses."""
    balancers = [item["spec"] for item in manifests.of("Service") if item["spec"].get("type") == "LoadBalancer"]
    if not balancers:
        return
    wanted = {f"{DHT_NODE}-{number}" for number in range(manifests.workload(DHT_NODE).spec["replicas"])}
    if {spec["selector"].get(POD_NAME) for spec in balancers} != wanted:
        yield f"expected a load balancer for each of {sorted(wanted)}"
    if any(spec.get("externalTrafficPolicy") != "Local" for spec in balancers):
        yield "expected externalTrafficPolicy Local: else all strangers have one address"


def redis_keeps(manifests: Manifests) -> Iterator[str]:
    """Redis writes an append-only file on a volume, evicts nothing, and lets nobody in without a password."""
    redis = manifests.get("StatefulSet", REDIS)
    if redis is None:
        return
    text = "\n".join(
        item["data"]["redis.conf"] for item in manifests.of("ConfigMap") if "redis.conf" in item.get("data", {})
    )
    conf = dict(line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))
    mounts = {mount["name"]: mount["mountPath"] for mount in Workload(redis).containers[0]["volumeMounts"]}
    claims = [claim["metadata"]["name"] for claim in redis["spec"].get("volumeClaimTemplates", [])]
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "aclfile": f"{mounts.get('secrets')}/users.acl"}
    wanted |= {"dir": mounts.get(claims[0], "a claim") if claims else "a claim"}
    for key, value in wanted.items():
        if conf.get(key) != value:
            yield f"redis.conf: expected {key} {value}, got {conf.get(key)}"
