"""Ways to break the manifests, each with the check that must notice and a word that it must say."""

from __future__ import annotations

from dataclasses import dataclass

from tests.k8s import breaking as by
from tests.k8s import network_checks, object_checks, pod_checks, reference_checks, settings_checks
from tests.k8s.checks import Check
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, NAME, REDIS, Object


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way; `overlay` is the one to break."""

    check: Check
    what: str
    broken: by.Break
    says: str
    overlay: str = "production"


_ROOT = {"runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}}
_SELECTS_NOBODY = {"matchLabels": {NAME: "scout-nobody"}}
_FROM_ANYBODY: list[Object] = [{"from": [{"podSelector": {}}], "ports": [{"port": "redis"}]}]

MUTATIONS = (
    Mutation(pod_checks.restricted, "root", by.pod(API, securityContext=_ROOT), "runAsNonRoot"),
    Mutation(pod_checks.restricted, "no profile", by.pod(API, securityContext={"runAsNonRoot": True}), "seccomp"),
    Mutation(pod_checks.restricted, "host network", by.pod(CRYPTO, hostNetwork=True), "hostNetwork"),
    Mutation(pod_checks.restricted, "host pids", by.pod(DHT_NODE, hostPID=True), "hostPID"),
    Mutation(pod_checks.restricted, "host path", by.host_path, "root"),
    Mutation(pod_checks.restricted, "escalation", by.context(REDIS, allowPrivilegeEscalation=True), "escalation"),
    Mutation(pod_checks.restricted, "privileged", by.context(REDIS, privileged=True), "privileges"),
    Mutation(pod_checks.restricted, "written root", by.context(API, readOnlyRootFilesystem=False), "read-only"),
    Mutation(
        pod_checks.restricted, "capabilities", by.context(API, capabilities={"drop": ["NET_RAW"]}), "capabilities"
    ),
    Mutation(pod_checks.restricted, "own user", by.context(API, runAsUser=0), "pod's user"),
    Mutation(pod_checks.restricted, "host port", by.container(API, ports=[{"hostPort": 80}]), "hostPort"),
    Mutation(pod_checks.restricted, "init container", by.pod(API, initContainers=[{"name": "chown"}]), "read-only"),
    Mutation(pod_checks.pod_security, "enforces less", by.pod(DHT_NODE, hostNetwork=False), "restricted"),
    Mutation(pod_checks.pod_security, "no warning", by.meta("Namespace", "scout", labels={}), "warn"),
    Mutation(pod_checks.host_network, "no names", by.pod(DHT_NODE, dnsPolicy="ClusterFirst"), "dnsPolicy"),
    Mutation(pod_checks.host_network, "ops for all", by.ops_everywhere, "SCOUT_OPS_LISTEN"),
    Mutation(pod_checks.host_network, "two to a node", by.pod(DHT_NODE, affinity={}), "one to a node"),
    Mutation(pod_checks.service_accounts, "shared", by.pod(API, serviceAccountName=CRYPTO), "own name"),
    Mutation(pod_checks.service_accounts, "missing", by.without("ServiceAccount", REDIS), "own name"),
    Mutation(pod_checks.service_accounts, "token", by.pod(API, automountServiceAccountToken=True), "token"),
    Mutation(
        pod_checks.service_accounts,
        "token of the account",
        lambda manifests: by.one(manifests, "ServiceAccount", API).pop("automountServiceAccountToken"),
        "token",
    ),
    Mutation(pod_checks.resources, "none", by.dropped(CRYPTO, "resources"), "requests"),
    Mutation(
        pod_checks.resources,
        "throttled",
        lambda manifests: manifests.workload(DHT_NODE).containers[0]["resources"]["limits"].update(cpu="1"),
        "limits",
    ),
    Mutation(pod_checks.probes, "none", by.dropped(API, "readinessProbe"), "readinessProbe"),
    Mutation(pod_checks.probes, "none of Redis", by.dropped(REDIS, "livenessProbe"), "livenessProbe"),
    Mutation(pod_checks.probes, "alive when ready", by.second_probe_path, "/livez"),
    Mutation(pod_checks.probes, "hasty", by.hasty_start, "to start"),
    Mutation(pod_checks.drain, "too short", by.pod(API, terminationGracePeriodSeconds=20), "30"),
    Mutation(pod_checks.drain, "too short without a hook", by.pod(CRYPTO, terminationGracePeriodSeconds=20), "25"),
    Mutation(pod_checks.drain, "no pause", by.hooks_off, "taken out"),
    Mutation(pod_checks.images, "latest", by.container(API, image="scout-api:latest"), "version"),
    Mutation(pod_checks.images, "no tag", by.container(REDIS, image="host:5000/redis"), "version"),
    Mutation(object_checks.labels, "no part-of", by.meta("Service", API, labels={NAME: API}), "part-of"),
    Mutation(object_checks.labels, "no name", by.meta("Service", API, labels={}), NAME),
    Mutation(object_checks.labels, "pods", lambda m: m.workload(API).labels.pop("app.kubernetes.io/part-of"), "pods"),
    Mutation(object_checks.labels, "claim", by.versioned_claim, "claim"),
    Mutation(object_checks.namespaces, "elsewhere", by.meta("Service", API, namespace="default"), "scout"),
    Mutation(object_checks.selectors, "too narrow", by.instance_in_selector, "alone"),
    Mutation(object_checks.selectors, "not its own", by.other_pods_selected, "own pods"),
    Mutation(object_checks.selectors, "service", by.spec("Service", API, selector={NAME: "api"}), "no pod"),
    Mutation(
        object_checks.selectors,
        "policy",
        by.spec("NetworkPolicy", "ingress-to-api", podSelector=_SELECTS_NOBODY),
        "no pod",
    ),
    Mutation(
        object_checks.selectors,
        "two of one name",
        lambda manifests: manifests.workload(API).labels.update({NAME: CRYPTO}),
        "share",
    ),
    Mutation(object_checks.disruption_budgets, "none", by.without("PodDisruptionBudget", API), API),
    Mutation(
        object_checks.disruption_budgets, "blocks", by.spec("PodDisruptionBudget", REDIS, maxUnavailable=0), REDIS
    ),
    Mutation(
        object_checks.disruption_budgets, "others", by.spec("PodDisruptionBudget", API, selector=_SELECTS_NOBODY), API
    ),
    Mutation(object_checks.spread, "none", by.pod(API, topologySpreadConstraints=[]), "zone"),
    Mutation(object_checks.scaling, "replicas", by.spec("Deployment", CRYPTO, replicas=3), "replicas"),
    Mutation(
        object_checks.scaling, "two scalers", by.spec("HorizontalPodAutoscaler", API, scaleTargetRef={}), "one scaler"
    ),
    Mutation(object_checks.scaling, "no scaler", by.without("ScaledObject", CRYPTO), "one scaler"),
    Mutation(object_checks.scaling, "no target", by.renamed("Deployment", CRYPTO), "not there"),
    Mutation(
        object_checks.scaling,
        "one DHT node by default",
        lambda manifests: manifests.workload(DHT_NODE).spec.pop("replicas"),
        "expected replicas",
    ),
    Mutation(
        object_checks.dht_node_is_stateful,
        "one by one",
        by.spec("StatefulSet", DHT_NODE, podManagementPolicy=""),
        "Parallel",
    ),
    Mutation(
        object_checks.dht_node_is_stateful,
        "no claim",
        by.spec("StatefulSet", DHT_NODE, volumeClaimTemplates=[]),
        "claim",
    ),
    Mutation(object_checks.load_balancers, "one for all", by.balancer(externalTrafficPolicy="Local"), "for each"),
    Mutation(object_checks.load_balancers, "hides sources", by.balancer(), "Local"),
    Mutation(object_checks.redis_keeps, "no file", by.redis_conf("appendonly yes", "appendonly no"), "appendonly"),
    Mutation(object_checks.redis_keeps, "evicts", by.redis_conf("noeviction", "allkeys-lru"), "noeviction"),
    Mutation(object_checks.redis_keeps, "lets all in", by.redis_conf("aclfile", "# aclfile"), "aclfile"),
    Mutation(object_checks.redis_keeps, "no volume", by.redis_conf("dir /data", "dir /tmp"), "dir"),
    Mutation(reference_checks.pods_find_all, "no map", by.no_map, "no ConfigMap"),
    Mutation(reference_checks.pods_find_all, "no secret", by.unknown_secret, "scout-bus"),
    Mutation(reference_checks.pods_find_all, "unused volume", by.extra_volume, "differ"),
    Mutation(reference_checks.pods_find_all, "no variable", by.env(API, "X", "$(NODE_IP)"), "NODE_IP"),
    Mutation(reference_checks.services_find_ports, "no port", by.other_target_port, "none of"),
    Mutation(reference_checks.services_find_ports, "another protocol", by.tcp_dht, "none of"),
    Mutation(reference_checks.pods_find_all, "no service", by.without("Service", REDIS), "serviceName"),
    Mutation(reference_checks.ingresses_find_services, "no backend", by.other_backend, "there is no"),
    Mutation(reference_checks.ingresses_find_services, "no TLS", by.spec("Ingress", API, tls=[]), "TLS"),
    Mutation(
        reference_checks.triggers_find_redis,
        "no login",
        by.renamed("TriggerAuthentication", "scout-redis-keda"),
        "there is no",
    ),
    Mutation(reference_checks.triggers_find_redis, "no key", by.other_key, "user"),
    Mutation(reference_checks.triggers_find_redis, "no name for KEDA", by.short_address, "whole name"),
    Mutation(
        reference_checks.monitors_find_ports,
        "no port to scrape",
        lambda m: by.one(m, "PodMonitor", "scout")["spec"]["podMetricsEndpoints"][0].update(port="metrics"),
        "metrics",
    ),
    Mutation(reference_checks.config_rolls_pods, "plain name", by.plain_config, "hash"),
    Mutation(reference_checks.config_rolls_pods, "no map", by.container(API, envFrom=[]), "ConfigMap"),
    Mutation(network_checks.covered, "no policy", by.without("NetworkPolicy", "default-deny"), "denies"),
    Mutation(network_checks.covered, "one direction", by.whole_policy, "Egress"),
    Mutation(network_checks.covered, "forgotten direction", by.forgotten_direction, "leave out"),
    Mutation(network_checks.edges, "one less", by.without("NetworkPolicy", "api-to-redis-ingress"), "to be permitted"),
    Mutation(network_checks.edges, "crypto anywhere", by.crypto_anywhere, "not to be permitted"),
    Mutation(
        network_checks.edges,
        "anybody",
        by.policy("crypto-to-redis-ingress", "ingress", _FROM_ANYBODY),
        "not to be permitted",
    ),
    Mutation(network_checks.edges, "all in one", by.policy("default-deny", "ingress", [{}]), "not to be permitted"),
    Mutation(network_checks.known_networks, "half the world", by.whole_world, "0.0.0.0/1"),
    Mutation(settings_checks.known_settings, "typo", by.env(API, "SCOUT_API_LISTN", "0.0.0.0:1"), "SCOUT_API_LISTN"),
    Mutation(
        settings_checks.known_settings, "bad value", by.setting(DHT_NODE, "SCOUT_DHT_LAB", "maybe"), "SCOUT_DHT_LAB"
    ),
    Mutation(settings_checks.known_settings, "no value", by.setting(CRYPTO, "SCOUT_REDIS_URL", ""), "SCOUT_REDIS_URL"),
    Mutation(settings_checks.known_settings, "another port", by.other_container_port, "9999"),
    Mutation(
        settings_checks.no_secrets,
        "in the URL",
        by.setting(API, "SCOUT_REDIS_URL", "redis://a:b@c/0"),
        "SCOUT_REDIS_URL",
    ),
    Mutation(settings_checks.no_secrets, "in a variable", by.env(API, "SCOUT_BUS_KEY", "1"), "SCOUT_BUS_KEY"),
    Mutation(settings_checks.no_secrets, "in a map", by.setting(API, "NOTE", "1" * 64), "NOTE"),
    Mutation(settings_checks.no_secrets, "brought along", by.brought_secret, "to find"),
    Mutation(settings_checks.mounted_where_needed, "more than needed", by.more_secrets, "master-keys"),
    Mutation(settings_checks.mounted_where_needed, "for everybody", by.readable_secrets, "0440"),
    Mutation(
        settings_checks.mounted_where_needed,
        "elsewhere",
        lambda m: m.workload(API).containers[0]["volumeMounts"][0].update(mountPath="/secrets"),
        "/run/secrets/scout",
    ),
)
