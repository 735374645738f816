"""Whatever one object calls by name is there: maps, secrets, volumes, ports, services, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tests.k8s.manifests import NAME, REDIS, SECRETS, Manifests, Object, Workload, called, object_at

HASHED = re.compile(r".+-[bcdfghkmt2456789]{10}")
"""The suffix that kustomize makes of the content."""


def pods_find_all(manifests: Manifests) -> Iterator[str]:
    """What pods name: volumes, maps and secrets, variables, and a StatefulSet its Service."""
    for workload in manifests.workloads():
        for problem in (
            *_volumes(workload),
            *_sources(manifests, workload),
            *_variables(workload),
            *_headless(manifests, workload),
        ):
            yield f"{workload.name}: {problem}"


def _volumes(workload: Workload) -> Iterator[str]:
    volumes = {volume["name"] for volume in workload.pod.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in workload.spec.get("volumeClaimTemplates", [])}
    mounted = {mount["name"] for container in workload.containers for mount in container.get("volumeMounts", [])}
    if volumes != mounted:
        yield f"volumes {sorted(volumes)} and mounts {sorted(mounted)} differ"


def _sources(manifests: Manifests, workload: Workload) -> Iterator[str]:
    for name in config_maps_of(workload):
        if manifests.get("ConfigMap", name) is None:
            yield f"there is no ConfigMap {name}"
    for name in secrets_of(workload):
        if secret_keys(manifests, name) is None:
            yield f"there is no Secret {name}, and docs/operations.md makes none"


def _variables(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        known: set[str] = set()
        for entry in container.get("env", []):
            for used in re.findall(r"\$\((\w+)\)", entry.get("value", "")):
                if used not in known:
                    yield f"{entry['name']} uses {used}, which is not set before it"
            known.add(entry["name"])


def _headless(manifests: Manifests, workload: Workload) -> Iterator[str]:
    if workload.manifest["kind"] == "StatefulSet" and manifests.get("Service", workload.spec["serviceName"]) is None:
        yield "there is no Service of its serviceName"


def services_find_ports(manifests: Manifests) -> Iterator[str]:
    """A port of a Service is one of its pods', by name and protocol."""
    for service in manifests.of("Service"):
        for port in service["spec"]["ports"]:
            for workload in manifests.selected({NAME: service["spec"]["selector"].get(NAME)}):
                target = workload.ports.get(port["targetPort"], {})
                if port["name"] != port["targetPort"] or target.get("protocol") != port.get("protocol"):
                    yield f"{called(service)}: port {port['name']} is none of {workload.name}"


def monitors_find_ports(manifests: Manifests) -> Iterator[str]:
    """What Prometheus scrapes is a port of every pod that it scrapes."""
    for monitor in manifests.of("PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            for workload in manifests.selected(monitor["spec"]["selector"]):
                if endpoint["port"] not in workload.ports:
                    yield f"{called(monitor)}: {workload.name} has no port {endpoint['port']}"


def ingresses_find_services(manifests: Manifests) -> Iterator[str]:
    """An Ingress leads to a Service, with TLS for each of its names."""
    for ingress in manifests.of("Ingress"):
        certified = [tls for tls in ingress["spec"].get("tls", []) if tls["secretName"] in SECRETS]
        hosts = {host for tls in certified for host in tls["hosts"]}
        for rule in ingress["spec"]["rules"]:
            if rule["host"] not in hosts:
                yield f"{called(ingress)}: expected TLS for {rule['host']}, with a secret that is documented"
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                service = manifests.get("Service", backend["name"]) or {}
                ports = object_at(service, "spec").get("ports", [])
                if backend["port"]["name"] not in {port["name"] for port in ports}:
                    yield f"{called(ingress)}: there is no {backend}"


def triggers_find_redis(manifests: Manifests) -> Iterator[str]:
    """KEDA finds Redis by a name that holds in every namespace, and its login."""
    (namespace,) = (item["metadata"]["name"] for item in manifests.of("Namespace"))
    for scaled in manifests.of("ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            if manifests.get("TriggerAuthentication", object_at(trigger, "authenticationRef").get("name", "")) is None:
                yield f"{called(scaled)}: there is no {trigger.get('authenticationRef')}"
            inside = manifests.get("Service", REDIS) is not None
            if inside and trigger["metadata"].get("address") != f"{REDIS}.{namespace}.svc:6379":
                yield f"{called(scaled)}: expected Redis by its whole name, for KEDA lives in another namespace"
    for login in manifests.of("TriggerAuthentication"):
        for reference in login["spec"]["secretTargetRef"]:
            if reference["key"] not in (secret_keys(manifests, reference["name"]) or ()):
                yield f"{called(login)}: there is no {reference}"


def config_rolls_pods(manifests: Manifests) -> Iterator[str]:
    """What a pod reads when it starts has its content in its name: a change begins a rollout."""
    for workload in manifests.workloads():
        generated = [name for name in secrets_of(workload) if manifests.get("Secret", name)]
        if not config_maps_of(workload):
            yield f"{workload.name}: expected its settings from a ConfigMap"
        for name in [*config_maps_of(workload), *generated]:
            if not HASHED.fullmatch(name):
                yield f"{workload.name}: expected a name with a hash, got {name}"


def config_maps_of(workload: Workload) -> list[str]:
    """The ConfigMaps that a workload's pods read or mount."""
    from_env = [
        source["configMapRef"]["name"]
        for container in workload.containers
        for source in container.get("envFrom", [])
        if "configMapRef" in source
    ]
    volumes: list[Object] = workload.pod.get("volumes", [])
    return [*from_env, *(volume["configMap"]["name"] for volume in volumes if "configMap" in volume)]


def secrets_of(workload: Workload) -> list[str]:
    """The Secrets that a workload's pods mount."""
    projected = (object_at(volume, "projected").get("sources", []) for volume in workload.pod.get("volumes", []))
    return [source["secret"]["name"] for sources in projected for source in sources if "secret" in source]


def secret_keys(manifests: Manifests, name: str) -> Iterable[str] | None:
    """The keys of a Secret, of the rendering or of the documentation; None when neither has it."""
    generated = manifests.get("Secret", name)
    return SECRETS.get(name) if generated is None else [*generated.get("data", {})]


def settings_of(manifests: Manifests, workload: Workload) -> dict[str, str]:
    """The variables of a workload's ConfigMaps."""
    maps = (manifests.get("ConfigMap", name) or {} for name in config_maps_of(workload))
    return {key: value for found in maps for key, value in found.get("data", {}).items()}
