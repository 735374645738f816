"""All conventions of the manifests, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.k8s import network_checks, object_checks, pod_checks, reference_checks, settings_checks
from tests.k8s.manifests import Manifests

Check = Callable[[Manifests], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    pod_checks.restricted,
    pod_checks.pod_security,
    pod_checks.host_network,
    pod_checks.service_accounts,
    pod_checks.resources,
    pod_checks.probes,
    pod_checks.drain,
    pod_checks.images,
    object_checks.labels,
    object_checks.namespaces,
    object_checks.selectors,
    object_checks.disruption_budgets,
    object_checks.spread,
    object_checks.scaling,
    object_checks.dht_node_is_stateful,
    object_checks.load_balancers,
    object_checks.redis_keeps,
    reference_checks.pods_find_all,
    reference_checks.services_find_ports,
    reference_checks.monitors_find_ports,
    reference_checks.ingresses_find_services,
    reference_checks.triggers_find_redis,
    reference_checks.config_rolls_pods,
    network_checks.covered,
    network_checks.edges,
    network_checks.known_networks,
    settings_checks.known_settings,
    settings_checks.no_secrets,
    settings_checks.mounted_where_needed,
)


def problems(manifests: Manifests) -> list[str]:
    """What every check has to say of a rendering."""
    return [f"{check.__name__}: {problem}" for check in CHECKS for problem in check(manifests)]
