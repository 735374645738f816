"""Ways to break the manifests, each with the check that must notice and a word that it must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.k8s import network_checks, object_checks, pod_checks, reference_checks, settings_checks
from tests.k8s.checks import Check
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, NAME, REDIS, Manifests, Object

Break = Callable[[Manifests], object]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way; `overlay` is the one to break."""

    check: Check
    what: str
    broken: Break
    says: str
    overlay: str = "production"


def _pod(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).pod.update(fields)


def _container(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).containers[0].update(fields)


def _context(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).containers[0]["securityContext"].update(fields)


def _spec(kind: str, name: str, **fields: object) -> Break:
    return lambda manifests: _found(manifests, kind, name)["spec"].update(fields)


def _meta(kind: str, name: str, **fields: object) -> Break:
    return lambda manifests: _found(manifests, kind, name)["metadata"].update(fields)


def _without(kind: str, name: str) -> Break:
    return lambda manifests: manifests.objects.remove(_found(manifests, kind, name))


def _dropped(name: str, field: str) -> Break:
    return lambda manifests: manifests.workload(name).containers[0].pop(field)


def _env(name: str, key: str, value: str) -> Break:
    return lambda manifests: manifests.workload(name).containers[0]["env"].append({"name": key, "value": value})


def _setting(name: str, key: str, value: str) -> Break:
    def broken(manifests: Manifests) -> None:
        (found,) = (
            item
            for item in manifests.of("ConfigMap")
            if reference_checks.HASHED.fullmatch(_name(item)) and _is(item, name)
        )
        found["data"][key] = value

    return broken


def _renamed(kind: str, name: str) -> Break:
    return lambda manifests: _found(manifests, kind, name)["metadata"].update(name="another")


def _policy(name: str, side: str, rules: list[Object]) -> Break:
    return lambda manifests: _found(manifests, "NetworkPolicy", name)["spec"].update({side: rules})


def _is(item: Object, name: str) -> bool:
    return _name(item).rpartition("-")[0] == name


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _found(manifests: Manifests, kind: str, name: str) -> Object:
    found = manifests.get(kind, name)
    assert found is not None
    return found


def _hooks_off(manifests: Manifests) -> None:
    del manifests.workload(API).containers[0]["lifecycle"]


def _second_probe_path(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).containers[0]["livenessProbe"]["httpGet"]["path"] = "/readyz"


def _hasty_start(manifests: Manifests) -> None:
    manifests.workload(DHT_NODE).containers[0]["startupProbe"]["failureThreshold"] = 3


def _instance_in_selector(manifests: Manifests) -> None:
    manifests.workload(API).spec["selector"]["matchLabels"]["app.kubernetes.io/instance"] = "scout"


def _other_pods_selected(manifests: Manifests) -> None:
    manifests.workload(API).spec["selector"]["matchLabels"][NAME] = CRYPTO


def _versioned_claim(manifests: Manifests) -> None:
    claim = manifests.workload(DHT_NODE).spec["volumeClaimTemplates"][0]
    claim["metadata"]["labels"]["app.kubernetes.io/version"] = "0.1.0"


def _plain_config(manifests: Manifests) -> None:
    (found,) = (item for item in manifests.of("ConfigMap") if _is(item, API))
    found["metadata"]["name"] = API
    manifests.workload(API).containers[0]["envFrom"] = [{"configMapRef": {"name": API}}]


def _no_map(manifests: Manifests) -> None:
    manifests.objects[:] = [item for item in manifests.objects if item["kind"] != "ConfigMap"]


def _redis_conf(old: str, new: str) -> Break:
    def broken(manifests: Manifests) -> None:
        (found,) = (item for item in manifests.of("ConfigMap") if _is(item, REDIS))
        found["data"]["redis.conf"] = found["data"]["redis.conf"].replace(old, new)

    return broken


def _ops_everywhere(manifests: Manifests) -> None:
    (entry,) = (e for e in manifests.workload(DHT_NODE).containers[0]["env"] if e["name"] == "SCOUT_OPS_LISTEN")
    entry["value"] = "0.0.0.0:9103"


def _more_secrets(manifests: Manifests) -> None:
    sources = manifests.workload(API).pod["volumes"][0]["projected"]["sources"]
    sources.append({"secret": {"name": "scout-master-keys"}})


def _unknown_secret(manifests: Manifests) -> None:
    manifests.workload(API).pod["volumes"][0]["projected"]["sources"][0]["secret"]["name"] = "scout-bus"


def _readable_secrets(manifests: Manifests) -> None:
    manifests.workload(API).pod["volumes"][0]["projected"]["defaultMode"] = 0o444


def _brought_secret(manifests: Manifests) -> None:
    manifests.objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "scout-bus-key"}})


def _other_target_port(manifests: Manifests) -> None:
    _found(manifests, "Service", API)["spec"]["ports"][0]["targetPort"] = "web"


def _tcp_dht(manifests: Manifests) -> None:
    del _found(manifests, "Service", DHT_NODE)["spec"]["ports"][0]["protocol"]


def _other_container_port(manifests: Manifests) -> None:
    manifests.workload(API).ports["ops"]["containerPort"] = 9999


def _other_backend(manifests: Manifests) -> None:
    (rule,) = _found(manifests, "Ingress", API)["spec"]["rules"]
    rule["http"]["paths"][0]["backend"]["service"]["name"] = "api"


def _other_key(manifests: Manifests) -> None:
    _found(manifests, "TriggerAuthentication", "scout-redis-keda")["spec"]["secretTargetRef"][0]["key"] = "user"


def _short_address(manifests: Manifests) -> None:
    _found(manifests, "ScaledObject", CRYPTO)["spec"]["triggers"][0]["metadata"]["address"] = "scout-redis:6379"


def _extra_volume(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).pod["volumes"].append({"name": "tmp", "emptyDir": {}})


def _host_path(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}})


def _whole_policy(manifests: Manifests) -> None:
    _found(manifests, "NetworkPolicy", "default-deny")["spec"]["policyTypes"] = ["Ingress"]


def _forgotten_direction(manifests: Manifests) -> None:
    _found(manifests, "NetworkPolicy", "api-to-redis-egress")["spec"]["policyTypes"] = ["Ingress"]


def _whole_world(manifests: Manifests) -> None:
    rules = _found(manifests, "NetworkPolicy", "dht-node-to-redis-ingress")["spec"]["ingress"]
    rules[0]["from"][1]["ipBlock"]["cidr"] = "0.0.0.0/1"


def _crypto_anywhere(manifests: Manifests) -> None:
    _found(manifests, "NetworkPolicy", "crypto-to-redis-egress")["spec"]["egress"].append({})


def _balancer(**fields: object) -> Break:
    def broken(manifests: Manifests) -> None:
        service = _found(manifests, "Service", DHT_NODE)
        service["spec"] |= {"type": "LoadBalancer", **fields}

    return broken


_ROOT = {"runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}}
_SELECTS_NOBODY = {"matchLabels": {NAME: "scout-nobody"}}
_FROM_ANYBODY: list[Object] = [{"from": [{"podSelector": {}}], "ports": [{"port": "redis"}]}]

MUTATIONS = (
    Mutation(pod_checks.restricted, "root", _pod(API, securityContext=_ROOT), "runAsNonRoot"),
    Mutation(pod_checks.restricted, "no profile", _pod(API, securityContext={"runAsNonRoot": True}), "seccomp"),
    Mutation(pod_checks.restricted, "host network", _pod(CRYPTO, hostNetwork=True), "hostNetwork"),
    Mutation(pod_checks.restricted, "host pids", _pod(DHT_NODE, hostPID=True), "hostPID"),
    Mutation(pod_checks.restricted, "host path", _host_path, "root"),
    Mutation(pod_checks.restricted, "escalation", _context(REDIS, allowPrivilegeEscalation=True), "escalation"),
    Mutation(pod_checks.restricted, "privileged", _context(REDIS, privileged=True), "privileges"),
    Mutation(pod_checks.restricted, "written root", _context(API, readOnlyRootFilesystem=False), "read-only"),
    Mutation(pod_checks.restricted, "capabilities", _context(API, capabilities={"drop": ["NET_RAW"]}), "capabilities"),
    Mutation(pod_checks.restricted, "own user", _context(API, runAsUser=0), "pod's user"),
    Mutation(pod_checks.restricted, "host port", _container(API, ports=[{"hostPort": 80}]), "hostPort"),
    Mutation(pod_checks.restricted, "init container", _pod(API, initContainers=[{"name": "chown"}]), "read-only"),
    Mutation(pod_checks.pod_security, "enforces less", _pod(DHT_NODE, hostNetwork=False), "restricted"),
    Mutation(pod_checks.pod_security, "no warning", _meta("Namespace", "scout", labels={}), "warn"),
    Mutation(pod_checks.host_network, "no names", _pod(DHT_NODE, dnsPolicy="ClusterFirst"), "dnsPolicy"),
    Mutation(pod_checks.host_network, "ops for all", _ops_everywhere, "SCOUT_OPS_LISTEN"),
    Mutation(pod_checks.host_network, "two to a node", _pod(DHT_NODE, affinity={}), "one to a node"),
    Mutation(pod_checks.service_accounts, "shared", _pod(API, serviceAccountName=CRYPTO), "own name"),
    Mutation(pod_checks.service_accounts, "missing", _without("ServiceAccount", REDIS), "own name"),
    Mutation(pod_checks.service_accounts, "token", _pod(API, automountServiceAccountToken=True), "token"),
    Mutation(
        pod_checks.service_accounts,
        "token of the account",
        lambda manifests: _found(manifests, "ServiceAccount", API).pop("automountServiceAccountToken"),
        "token",
    ),
    Mutation(pod_checks.resources, "none", _dropped(CRYPTO, "resources"), "requests"),
    Mutation(
        pod_checks.resources,
        "throttled",
        lambda manifests: manifests.workload(DHT_NODE).containers[0]["resources"]["limits"].update(cpu="1"),
        "limits",
    ),
    Mutation(pod_checks.probes, "none", _dropped(API, "readinessProbe"), "readinessProbe"),
    Mutation(pod_checks.probes, "none of Redis", _dropped(REDIS, "livenessProbe"), "livenessProbe"),
    Mutation(pod_checks.probes, "alive when ready", _second_probe_path, "/livez"),
    Mutation(pod_checks.probes, "hasty", _hasty_start, "to start"),
    Mutation(pod_checks.drain, "too short", _pod(API, terminationGracePeriodSeconds=20), "30"),
    Mutation(pod_checks.drain, "too short without a hook", _pod(CRYPTO, terminationGracePeriodSeconds=20), "25"),
    Mutation(pod_checks.drain, "no pause", _hooks_off, "taken out"),
    Mutation(pod_checks.images, "latest", _container(API, image="scout-api:latest"), "version"),
    Mutation(pod_checks.images, "no tag", _container(REDIS, image="host:5000/redis"), "version"),
    Mutation(object_checks.labels, "no part-of", _meta("Service", API, labels={NAME: API}), "part-of"),
    Mutation(object_checks.labels, "no name", _meta("Service", API, labels={}), NAME),
    Mutation(object_checks.labels, "pods", lambda m: m.workload(API).labels.pop("app.kubernetes.io/part-of"), "pods"),
    Mutation(object_checks.labels, "claim", _versioned_claim, "claim"),
    Mutation(object_checks.namespaces, "elsewhere", _meta("Service", API, namespace="default"), "scout"),
    Mutation(object_checks.selectors, "too narrow", _instance_in_selector, "alone"),
    Mutation(object_checks.selectors, "not its own", _other_pods_selected, "own pods"),
    Mutation(object_checks.selectors, "service", _spec("Service", API, selector={NAME: "api"}), "no pod"),
    Mutation(
        object_checks.selectors,
        "policy",
        _spec("NetworkPolicy", "ingress-to-api", podSelector=_SELECTS_NOBODY),
        "no pod",
    ),
    Mutation(
        object_checks.selectors,
        "two of one name",
        lambda manifests: manifests.workload(API).labels.update({NAME: CRYPTO}),
        "share",
    ),
    Mutation(object_checks.disruption_budgets, "none", _without("PodDisruptionBudget", API), API),
    Mutation(object_checks.disruption_budgets, "blocks", _spec("PodDisruptionBudget", REDIS, maxUnavailable=0), REDIS),
    Mutation(
        object_checks.disruption_budgets, "others", _spec("PodDisruptionBudget", API, selector=_SELECTS_NOBODY), API
    ),
    Mutation(object_checks.spread, "none", _pod(API, topologySpreadConstraints=[]), "zone"),
    Mutation(object_checks.scaling, "replicas", _spec("Deployment", CRYPTO, replicas=3), "replicas"),
    Mutation(
        object_checks.scaling, "two scalers", _spec("HorizontalPodAutoscaler", API, scaleTargetRef={}), "one scaler"
    ),
    Mutation(object_checks.scaling, "no scaler", _without("ScaledObject", CRYPTO), "one scaler"),
    Mutation(object_checks.scaling, "no target", _renamed("Deployment", CRYPTO), "not there"),
    Mutation(
        object_checks.scaling,
        "one DHT node by default",
        lambda manifests: manifests.workload(DHT_NODE).spec.pop("replicas"),
        "expected replicas",
    ),
    Mutation(
        object_checks.dht_node_is_stateful,
        "one by one",
        _spec("StatefulSet", DHT_NODE, podManagementPolicy=""),
        "Parallel",
    ),
    Mutation(
        object_checks.dht_node_is_stateful, "no claim", _spec("StatefulSet", DHT_NODE, volumeClaimTemplates=[]), "claim"
    ),
    Mutation(object_checks.load_balancers, "one for all", _balancer(externalTrafficPolicy="Local"), "for each"),
    Mutation(object_checks.load_balancers, "hides sources", _balancer(), "Local"),
    Mutation(object_checks.redis_keeps, "no file", _redis_conf("appendonly yes", "appendonly no"), "appendonly"),
    Mutation(object_checks.redis_keeps, "evicts", _redis_conf("noeviction", "allkeys-lru"), "noeviction"),
    Mutation(object_checks.redis_keeps, "lets all in", _redis_conf("aclfile", "# aclfile"), "aclfile"),
    Mutation(object_checks.redis_keeps, "no volume", _redis_conf("dir /data", "dir /tmp"), "dir"),
    Mutation(reference_checks.pods_find_all, "no map", _no_map, "no ConfigMap"),
    Mutation(reference_checks.pods_find_all, "no secret", _unknown_secret, "scout-bus"),
    Mutation(reference_checks.pods_find_all, "unused volume", _extra_volume, "differ"),
    Mutation(reference_checks.pods_find_all, "no variable", _env(API, "X", "$(NODE_IP)"), "NODE_IP"),
    Mutation(reference_checks.services_find_ports, "no port", _other_target_port, "none of"),
    Mutation(reference_checks.services_find_ports, "another protocol", _tcp_dht, "none of"),
    Mutation(reference_checks.pods_find_all, "no service", _without("Service", REDIS), "serviceName"),
    Mutation(reference_checks.ingresses_find_services, "no backend", _other_backend, "there is no"),
    Mutation(reference_checks.ingresses_find_services, "no TLS", _spec("Ingress", API, tls=[]), "TLS"),
    Mutation(
        reference_checks.triggers_find_redis,
        "no login",
        _renamed("TriggerAuthentication", "scout-redis-keda"),
        "there is no",
    ),
    Mutation(reference_checks.triggers_find_redis, "no key", _other_key, "user"),
    Mutation(reference_checks.triggers_find_redis, "no name for KEDA", _short_address, "whole name"),
    Mutation(
        reference_checks.monitors_find_ports,
        "no port to scrape",
        lambda m: _found(m, "PodMonitor", "scout")["spec"]["podMetricsEndpoints"][0].update(port="metrics"),
        "metrics",
    ),
    Mutation(reference_checks.config_rolls_pods, "plain name", _plain_config, "hash"),
    Mutation(reference_checks.config_rolls_pods, "no map", _container(API, envFrom=[]), "ConfigMap"),
    Mutation(network_checks.covered, "no policy", _without("NetworkPolicy", "default-deny"), "denies"),
    Mutation(network_checks.covered, "one direction", _whole_policy, "Egress"),
    Mutation(network_checks.covered, "forgotten direction", _forgotten_direction, "leave out"),
    Mutation(network_checks.edges, "one less", _without("NetworkPolicy", "api-to-redis-ingress"), "to be permitted"),
    Mutation(network_checks.edges, "crypto anywhere", _crypto_anywhere, "not to be permitted"),
    Mutation(
        network_checks.edges,
        "anybody",
        _policy("crypto-to-redis-ingress", "ingress", _FROM_ANYBODY),
        "not to be permitted",
    ),
    Mutation(network_checks.edges, "all in one", _policy("default-deny", "ingress", [{}]), "not to be permitted"),
    Mutation(network_checks.node_network, "half the world", _whole_world, "0.0.0.0/1"),
    Mutation(settings_checks.known_settings, "typo", _env(API, "SCOUT_API_LISTN", "0.0.0.0:1"), "SCOUT_API_LISTN"),
    Mutation(
        settings_checks.known_settings, "bad value", _setting(DHT_NODE, "SCOUT_DHT_LAB", "maybe"), "SCOUT_DHT_LAB"
    ),
    Mutation(settings_checks.known_settings, "no value", _setting(CRYPTO, "SCOUT_REDIS_URL", ""), "SCOUT_REDIS_URL"),
    Mutation(settings_checks.known_settings, "another port", _other_container_port, "9999"),
    Mutation(
        settings_checks.no_secrets, "in the URL", _setting(API, "SCOUT_REDIS_URL", "redis://a:b@c/0"), "SCOUT_REDIS_URL"
    ),
    Mutation(settings_checks.no_secrets, "in a variable", _env(API, "SCOUT_BUS_KEY", "1"), "SCOUT_BUS_KEY"),
    Mutation(settings_checks.no_secrets, "in a map", _setting(API, "NOTE", "1" * 64), "NOTE"),
    Mutation(settings_checks.no_secrets, "brought along", _brought_secret, "to find"),
    Mutation(settings_checks.mounted_where_needed, "more than needed", _more_secrets, "master-keys"),
    Mutation(settings_checks.mounted_where_needed, "for everybody", _readable_secrets, "0440"),
    Mutation(
        settings_checks.mounted_where_needed,
        "elsewhere",
        lambda m: m.workload(API).containers[0]["volumeMounts"][0].update(mountPath="/secrets"),
        "/run/secrets/scout",
    ),
)
