"""The hands that break manifests; `mutations` says which way each check must notice."""

from __future__ import annotations

from collections.abc import Callable

from tests.k8s import reference_checks
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, NAME, REDIS, Manifests, Object

Break = Callable[[Manifests], object]


def pod(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).pod.update(fields)


def container(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).containers[0].update(fields)


def context(name: str, **fields: object) -> Break:
    return lambda manifests: manifests.workload(name).containers[0]["securityContext"].update(fields)


def spec(kind: str, name: str, **fields: object) -> Break:
    return lambda manifests: one(manifests, kind, name)["spec"].update(fields)


def meta(kind: str, name: str, **fields: object) -> Break:
    return lambda manifests: one(manifests, kind, name)["metadata"].update(fields)


def without(kind: str, name: str) -> Break:
    return lambda manifests: manifests.objects.remove(one(manifests, kind, name))


def dropped(name: str, field: str) -> Break:
    return lambda manifests: manifests.workload(name).containers[0].pop(field)


def env(name: str, key: str, value: str) -> Break:
    return lambda manifests: manifests.workload(name).containers[0]["env"].append({"name": key, "value": value})


def setting(name: str, key: str, value: str) -> Break:
    def broken(manifests: Manifests) -> None:
        (found,) = (
            item
            for item in manifests.of("ConfigMap")
            if reference_checks.HASHED.fullmatch(_name(item)) and _made_for(item, name)
        )
        found["data"][key] = value

    return broken


def renamed(kind: str, name: str) -> Break:
    return lambda manifests: one(manifests, kind, name)["metadata"].update(name="another")


def policy(name: str, side: str, rules: list[Object]) -> Break:
    return lambda manifests: one(manifests, "NetworkPolicy", name)["spec"].update({side: rules})


def _made_for(item: Object, name: str) -> bool:
    return _name(item).rpartition("-")[0] == name


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def one(manifests: Manifests, kind: str, name: str) -> Object:
    found = manifests.get(kind, name)
    assert found is not None
    return found


def hooks_off(manifests: Manifests) -> None:
    del manifests.workload(API).containers[0]["lifecycle"]


def second_probe_path(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).containers[0]["livenessProbe"]["httpGet"]["path"] = "/readyz"


def hasty_start(manifests: Manifests) -> None:
    manifests.workload(DHT_NODE).containers[0]["startupProbe"]["failureThreshold"] = 3


def instance_in_selector(manifests: Manifests) -> None:
    manifests.workload(API).spec["selector"]["matchLabels"]["app.kubernetes.io/instance"] = "scout"


def other_pods_selected(manifests: Manifests) -> None:
    manifests.workload(API).spec["selector"]["matchLabels"][NAME] = CRYPTO


def versioned_claim(manifests: Manifests) -> None:
    claim = manifests.workload(DHT_NODE).spec["volumeClaimTemplates"][0]
    claim["metadata"]["labels"]["app.kubernetes.io/version"] = "0.1.0"


def plain_config(manifests: Manifests) -> None:
    (found,) = (item for item in manifests.of("ConfigMap") if _made_for(item, API))
    found["metadata"]["name"] = API
    manifests.workload(API).containers[0]["envFrom"] = [{"configMapRef": {"name": API}}]


def no_map(manifests: Manifests) -> None:
    manifests.objects[:] = [item for item in manifests.objects if item["kind"] != "ConfigMap"]


def redis_conf(old: str, new: str) -> Break:
    def broken(manifests: Manifests) -> None:
        (found,) = (item for item in manifests.of("ConfigMap") if _made_for(item, REDIS))
        found["data"]["redis.conf"] = found["data"]["redis.conf"].replace(old, new)

    return broken


def ops_everywhere(manifests: Manifests) -> None:
    (entry,) = (e for e in manifests.workload(DHT_NODE).containers[0]["env"] if e["name"] == "SCOUT_OPS_LISTEN")
    entry["value"] = "0.0.0.0:9103"


def more_secrets(manifests: Manifests) -> None:
    sources = manifests.workload(API).pod["volumes"][0]["projected"]["sources"]
    sources.append({"secret": {"name": "scout-master-keys"}})


def unknown_secret(manifests: Manifests) -> None:
    manifests.workload(API).pod["volumes"][0]["projected"]["sources"][0]["secret"]["name"] = "scout-bus"


def readable_secrets(manifests: Manifests) -> None:
    manifests.workload(API).pod["volumes"][0]["projected"]["defaultMode"] = 0o444


def brought_secret(manifests: Manifests) -> None:
    manifests.objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "scout-bus-key"}})


def other_target_port(manifests: Manifests) -> None:
    one(manifests, "Service", API)["spec"]["ports"][0]["targetPort"] = "web"


def tcp_dht(manifests: Manifests) -> None:
    del one(manifests, "Service", DHT_NODE)["spec"]["ports"][0]["protocol"]


def other_container_port(manifests: Manifests) -> None:
    manifests.workload(API).ports["ops"]["containerPort"] = 9999


def other_backend(manifests: Manifests) -> None:
    (rule,) = one(manifests, "Ingress", API)["spec"]["rules"]
    rule["http"]["paths"][0]["backend"]["service"]["name"] = "api"


def other_key(manifests: Manifests) -> None:
    one(manifests, "TriggerAuthentication", "scout-redis-keda")["spec"]["secretTargetRef"][0]["key"] = "user"


def short_address(manifests: Manifests) -> None:
    one(manifests, "ScaledObject", CRYPTO)["spec"]["triggers"][0]["metadata"]["address"] = "scout-redis:6379"


def extra_volume(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).pod["volumes"].append({"name": "tmp", "emptyDir": {}})


def host_path(manifests: Manifests) -> None:
    manifests.workload(CRYPTO).pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}})


def whole_policy(manifests: Manifests) -> None:
    one(manifests, "NetworkPolicy", "default-deny")["spec"]["policyTypes"] = ["Ingress"]


def forgotten_direction(manifests: Manifests) -> None:
    one(manifests, "NetworkPolicy", "api-to-redis-egress")["spec"]["policyTypes"] = ["Ingress"]


def whole_world(manifests: Manifests) -> None:
    rules = one(manifests, "NetworkPolicy", "dht-node-to-redis-ingress")["spec"]["ingress"]
    rules[0]["from"][1]["ipBlock"]["cidr"] = "0.0.0.0/1"


def crypto_anywhere(manifests: Manifests) -> None:
    one(manifests, "NetworkPolicy", "crypto-to-redis-egress")["spec"]["egress"].append({})


def balancer(**fields: object) -> Break:
    def broken(manifests: Manifests) -> None:
        service = one(manifests, "Service", DHT_NODE)
        service["spec"] |= {"type": "LoadBalancer", **fields}

    return broken
