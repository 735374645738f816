"""What every pod must be. A check yields one sentence for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from shared.lifecycle import GRACE_S
from tests.k8s.manifests import API, DHT_NODE, REDIS, SERVICES, Manifests, Object, Workload, called, object_at

SPARE_S = 5
"""Between the end of a service's own grace and Kubernetes's."""
ENDPOINTS_S = 5
"""How long proxies and ingress controllers may go on sending to a pod that is going."""
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
"""Pod Security Standards, "Restricted", without `secret`: secrets come projected, each pod's together."""


def restricted(manifests: Manifests) -> Iterator[str]:
    """Pod Security Standards, "Restricted", and a read-only root; the DHT node may have the host's network."""
    for workload in manifests.workloads():
        pod = workload.pod
        yield from (f"{workload.name}: {problem}" for problem in _unrestricted_pod(workload.name, pod))
        for container in workload.containers:
            yield from (f"{workload.name}: {problem}" for problem in _unrestricted_container(container))


def _unrestricted_pod(name: str, pod: Object) -> Iterator[str]:
    context = object_at(pod, "securityContext")
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser") or not context.get("runAsGroup"):
        yield "expected runAsNonRoot with a user and a group that are not 0"
    if object_at(context, "seccompProfile").get("type") != "RuntimeDefault":
        yield "expected the seccomp profile RuntimeDefault"
    shared = {key for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace") if pod.get(key)}
    if shared - ({"hostNetwork"} if name == DHT_NODE else set()):
        yield f"expected namespaces of its own, got {', '.join(sorted(shared))}"
    for volume in pod.get("volumes", []):
        if kinds := volume.keys() - {"name"} - RESTRICTED_VOLUMES:
            yield f"volume {volume['name']} is {kinds}"


def _unrestricted_container(container: Object) -> Iterator[str]:
    context = object_at(container, "securityContext")
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "expected no escalation of privileges"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "expected a read-only root"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "expected all capabilities dropped and none added"
    if context.keys() & {"runAsUser", "runAsNonRoot", "seccompProfile"}:
        yield "expected the pod's user and profile, which hold for every container"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "expected no hostPort"


def pod_security(manifests: Manifests) -> Iterator[str]:
    """The namespace enforces all that its pods allow: `restricted`, unless one is in the host's network."""
    on_host = [workload.name for workload in manifests.workloads() if workload.pod.get("hostNetwork")]
    wanted = {"enforce": "privileged" if on_host else "restricted", "audit": "restricted", "warn": "restricted"}
    for namespace in manifests.of("Namespace"):
        labels = object_at(namespace, "metadata", "labels")
        for mode, level in wanted.items():
            if labels.get(f"pod-security.kubernetes.io/{mode}") != level:
                yield f"{called(namespace)}: expected to {mode} {level} (pods in the host's network: {on_host})"


def host_network(manifests: Manifests) -> Iterator[str]:
    """Who is in the host's network finds Redis by name, and shows its ops port at the pod's address alone."""
    for workload in manifests.workloads():
        if workload.pod.get("hostNetwork"):
            if workload.pod.get("dnsPolicy") != "ClusterFirstWithHostNet":
                yield f"{workload.name}: expected dnsPolicy ClusterFirstWithHostNet"
            for container in workload.containers:
                listen = [entry.get("value") for entry in container["env"] if entry["name"] == "SCOUT_OPS_LISTEN"]
                if listen != [f"$(POD_IP):{workload.ports['ops']['containerPort']}"]:
                    yield f"{workload.name}: expected SCOUT_OPS_LISTEN at the pod's address, got {listen}"
            anti = object_at(workload.pod, "affinity", "podAntiAffinity")
            if "kubernetes.io/hostname" not in str(anti.get("requiredDuringSchedulingIgnoredDuringExecution")):
                yield f"{workload.name}: expected one to a node"


def service_accounts(manifests: Manifests) -> Iterator[str]:
    """Each workload has an account of its own, without a token."""
    for workload in manifests.workloads():
        account = manifests.get("ServiceAccount", str(workload.pod.get("serviceAccountName")))
        if workload.pod.get("serviceAccountName") != workload.name or account is None:
            yield f"{workload.name}: expected a ServiceAccount of its own name"
        elif account.get("automountServiceAccountToken") is not False:
            yield f"{called(account)}: expected no token"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload.name}: expected no token"


def resources(manifests: Manifests) -> Iterator[str]:
    """Requests and limits; no limit of processor time on the DHT node, where throttling looks like packet loss."""
    for workload in manifests.workloads():
        limited = {"memory"} if workload.name == DHT_NODE else {"cpu", "memory"}
        for container in workload.containers:
            asked = object_at(container, "resources")
            if object_at(asked, "requests").keys() != {"cpu", "memory"}:
                yield f"{workload.name}: expected requests of cpu and memory"
            if object_at(asked, "limits").keys() != limited:
                yield f"{workload.name}: expected limits of {sorted(limited)}"


def probes(manifests: Manifests) -> Iterator[str]:
    """Alive by /livez, which depends on nothing; ready by /readyz; both on the ops port. Redis is asked its own way."""
    paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for workload in manifests.workloads():
        for container in workload.containers:
            for kind, path in paths.items():
                probe = container.get(kind)
                if probe is None:
                    yield f"{workload.name}: expected a {kind}"
                elif workload.name != REDIS and probe.get("httpGet") != {"path": path, "port": "ops"}:
                    yield f"{workload.name}: expected {kind} at {path} of ops, got {probe.get('httpGet')}"
    yield from _slow_starts(manifests)


def _slow_starts(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for container in workload.containers:
            probe = object_at(container, "startupProbe")
            if probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3) < SPARE_S * 6:
                yield f"{workload.name}: expected half a minute and more to start"


def drain(manifests: Manifests) -> Iterator[str]:
    """Kubernetes waits longer than the service drains; who is behind a Service serves on until he is out of it."""
    for workload in manifests.workloads():
        pause = _pre_stop_s(workload)
        if workload.name in SERVICES:
            wanted = pause + GRACE_S + SPARE_S
            if workload.pod.get("terminationGracePeriodSeconds", 30) < wanted:
                yield f"{workload.name}: expected terminationGracePeriodSeconds of {wanted:g} and more"
        if workload.name == API and pause < ENDPOINTS_S:
            yield f"{workload.name}: expected to serve for {ENDPOINTS_S} s after it was taken out of its Service"


def _pre_stop_s(workload: Workload) -> float:
    hooks = (object_at(container, "lifecycle", "preStop", "sleep") for container in workload.containers)
    return float(max(hook.get("seconds", 0) for hook in hooks))


def images(manifests: Manifests) -> Iterator[str]:
    """Every image has a tag or a digest, and none is `latest`."""
    for workload in manifests.workloads():
        for container in workload.containers:
            image = container["image"]
            tag = image.rpartition("/")[2].partition(":")[2]
            if not tag or tag == "latest":
                yield f"{workload.name}: expected an image with a version, got {image}"
