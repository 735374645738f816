"""Who may speak to whom: NetworkPolicies, read as edges and held against the ones that are documented."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from tests.k8s.manifests import (
    API,
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
WIDEST_NETWORK = 8
"""Bits: no network of nodes is wider."""
REDIS_PORTS = {6379, 6380, 26379}
"""A server, one with TLS where it is managed, Sentinels."""


class Edge(NamedTuple):
    """What one policy allows at one end; a place is a pod's name, or as `_peer` describes it."""

    end: str
    source: str
    target: str
    port: str


A_NETWORK, STRANGERS = "a network", "strangers"

TO_OUR_REDIS = {
    *(Edge(end, service, REDIS, "redis") for service in SERVICES for end in ("egress", "ingress")),
    # of the nodes, whose addresses the DHT nodes have
    Edge("ingress", A_NETWORK, REDIS, "redis"),
    Edge("ingress", "keda/keda-operator", REDIS, "redis"),
}
TO_ANOTHER_REDIS = {Edge("egress", service, A_NETWORK, "redis") for service in SERVICES}
OTHERS = {
    Edge("ingress", STRANGERS, DHT_NODE, "UDP dht"),
    Edge("egress", DHT_NODE, STRANGERS, "UDP 1-65535"),
    Edge("ingress", "ingress/*", API, "http"),
    *(Edge("ingress", "monitoring/prometheus", service, "ops") for service in SERVICES),
    *(Edge("egress", service, "kube-system/kube-dns", f"{kind}53") for service in SERVICES for kind in ("UDP ", "")),
}
"""docs/operations.md has them as a table."""


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
    inside = manifests.get("StatefulSet", REDIS) is not None
    found, wanted = set(permitted(manifests)), OTHERS | (TO_OUR_REDIS if inside else TO_ANOTHER_REDIS)
    for edge in sorted(wanted - found):
        yield f"expected to be permitted: {edge}"
    for edge in sorted(found - wanted):
        yield f"expected not to be permitted: {edge}"


def known_networks(manifests: Manifests) -> Iterator[str]:
    """A network that stands for the nodes, or for Redis, is one, not the world."""
    for item in manifests.of("NetworkPolicy"):
        rules = [*item["spec"].get("ingress", []), *item["spec"].get("egress", [])]
        for peer in (peer for rule in rules for peer in [*rule.get("from", []), *rule.get("to", [])]):
            cidr = object_at(peer, "ipBlock").get("cidr")
            if cidr and cidr not in EVERYWHERE and ipaddress.ip_network(cidr).prefixlen < WIDEST_NETWORK:
                yield f"{called(item)}: {cidr} is too wide for a network that we know"


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
        return STRANGERS if peer["ipBlock"]["cidr"] in EVERYWHERE else A_NETWORK
    pods = object_at(peer, "podSelector", "matchLabels")
    name = str(pods.get(NAME) or pods.get("k8s-app") or "*")
    namespace = object_at(peer, "namespaceSelector", "matchLabels").get(METADATA_NAME, "*")
    return f"{namespace}/{name}" if "namespaceSelector" in peer or not pods else name


def _port(manifests: Manifests, target: str, port: Object) -> str:
    """A port as policies call it: by name at pods of ours, by number elsewhere."""
    number, protocol = port.get("port", "*"), port.get("protocol", "TCP")
    if target == A_NETWORK and number in REDIS_PORTS:
        return "redis"
    for workload in manifests.workloads():
        if workload.name == target and isinstance(number, str) and number != "*":
            assert number in workload.ports, f"{target} has no port {number}"
    last = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{'' if protocol == 'TCP' else protocol + ' '}{number}{last}"
