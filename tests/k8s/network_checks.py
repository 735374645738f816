"""Who may speak to whom: NetworkPolicies, read as edges and held against the ones that are documented."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from tests.k8s.manifests import (
    API,
    CRYPTO,
    DHT_NODE,
    METADATA_NAME,
    NAME,
    REDIS,
    SERVICES,
    Manifests,
    Object,
    called,
    object_at,
)

EVERYWHERE = {"0.0.0.0/0", "::/0"}
WIDEST_NODE_NETWORK = 8
"""Bits: wider than any network of nodes."""


class Edge(NamedTuple):
    """What one policy allows at one end; a place is a pod's name, or as `_peer` describes it."""

    end: str
    source: str
    target: str
    port: str


NODES, STRANGERS = "nodes", "strangers"

EDGES = {
    Edge("egress", API, REDIS, "redis"),
    Edge("ingress", API, REDIS, "redis"),
    Edge("egress", CRYPTO, REDIS, "redis"),
    Edge("ingress", CRYPTO, REDIS, "redis"),
    Edge("egress", DHT_NODE, REDIS, "redis"),
    Edge("ingress", DHT_NODE, REDIS, "redis"),
    Edge("ingress", NODES, REDIS, "redis"),
    Edge("ingress", STRANGERS, DHT_NODE, "UDP dht"),
    Edge("egress", DHT_NODE, STRANGERS, "UDP 1-65535"),
    Edge("ingress", "ingress/*", API, "http"),
    Edge("ingress", "keda/keda-operator", REDIS, "redis"),
    *(Edge("ingress", "monitoring/prometheus", service, "ops") for service in SERVICES),
    *(Edge("egress", service, "kube-system/kube-dns", f"{kind}53") for service in SERVICES for kind in ("UDP ", "")),
}
"""docs/operations.md has this as a table."""


def covered(manifests: Manifests) -> Iterator[str]:
    """Both directions of every pod are denied by default."""
    policies = [item["spec"] for item in manifests.of("NetworkPolicy")]
    for direction in ("Ingress", "Egress"):
        denying = [
            spec
            for spec in policies
            if direction in spec["policyTypes"] and not spec["podSelector"] and direction.lower() not in spec
        ]
        if not denying:
            yield f"expected a policy that denies {direction} to all pods"
    for item in manifests.of("NetworkPolicy"):
        unnamed = {"ingress", "egress"} - {kind.lower() for kind in item["spec"]["policyTypes"]}
        if unnamed & item["spec"].keys():
            yield f"{called(item)}: its policyTypes leave out a direction that it speaks of"


def edges(manifests: Manifests) -> Iterator[str]:
    """Exactly the documented edges are permitted, at both of their ends."""
    found = set(permitted(manifests))
    for edge in sorted(EDGES - found):
        yield f"expected to be permitted: {edge}"
    for edge in sorted(found - EDGES):
        yield f"expected not to be permitted: {edge}"


def node_network(manifests: Manifests) -> Iterator[str]:
    """The network that stands for the nodes is one, not the world."""
    for item in manifests.of("NetworkPolicy"):
        for rule in item["spec"].get("ingress", []):
            for peer in rule.get("from", []):
                cidr = object_at(peer, "ipBlock").get("cidr")
                if cidr and cidr not in EVERYWHERE and ipaddress.ip_network(cidr).prefixlen < WIDEST_NODE_NETWORK:
                    yield f"{called(item)}: {cidr} is no network of nodes"


def permitted(manifests: Manifests) -> Iterator[Edge]:
    """Every edge of every policy."""
    for item in manifests.of("NetworkPolicy"):
        for end, side in (("ingress", "from"), ("egress", "to")):
            for rule in item["spec"].get(end, []):
                for pod in manifests.selected(item["spec"]["podSelector"]):
                    # an empty rule is a rule for everybody, and for every port
                    for peer in rule.get(side) or [{}]:
                        for port in rule.get("ports") or [{}]:
                            far, near = _peer(peer), pod.name
                            source, target = (far, near) if end == "ingress" else (near, far)
                            yield Edge(end, source, target, _port(manifests, target, port))


def _peer(peer: Object) -> str:
    if "ipBlock" in peer:
        return STRANGERS if peer["ipBlock"]["cidr"] in EVERYWHERE else NODES
    pods = object_at(peer, "podSelector", "matchLabels")
    name = str(pods.get(NAME) or pods.get("k8s-app") or "*")
    namespace = object_at(peer, "namespaceSelector", "matchLabels").get(METADATA_NAME, "*")
    return f"{namespace}/{name}" if "namespaceSelector" in peer or not pods else name


def _port(manifests: Manifests, target: str, port: Object) -> str:
    """A port as policies and Services call it; a number that a pod of ours has by name goes by its name."""
    number, protocol = port.get("port", "*"), port.get("protocol", "TCP")
    for workload in manifests.workloads():
        if workload.name == target and isinstance(number, str) and number != "*":
            assert number in workload.ports, f"{target} has no port {number}"
    last = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{'' if protocol == 'TCP' else protocol + ' '}{number}{last}"
