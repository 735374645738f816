"""What the pods tell the services: each service's own `read` is asked, with files where secrets would be mounted."""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from services.api.settings import read as read_api
from services.crypto.settings import read as read_crypto
from services.dht_node.settings import read as read_dht_node
from shared.settings import SettingsError
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, Manifests, Workload
from tests.k8s.reference_checks import secret_keys, secrets_of, settings_of

MOUNT = "/run/secrets/scout"

READERS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    API: read_api,
    CRYPTO: read_crypto,
    DHT_NODE: read_dht_node,
}

CONTENTS = {
    "bus-key": "11" * 32,
    "master-keys": f"1:{'22' * 32}",
    "redis-password": "3" * 32,
    "api-keys.toml": '[[key]]\nname = "a"\ntenant = "a"\nscopes = ["read"]\n'
    f'sha256 = "{hashlib.sha256(b"a").hexdigest()}"\n',
}
"""Like the real ones; a Secret of the rendering brings its own."""

FIELDS = {"status.podIP": "10.0.0.7", "status.hostIP": "198.51.100.7"}


class _Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)


def known_settings(manifests: Manifests) -> Iterator[str]:
    """Each service reads its pods' settings without complaint, knows all of them, and listens where its ports are."""
    for name, read in READERS.items():
        workload = manifests.workload(name)
        with tempfile.TemporaryDirectory() as directory:
            write_secrets(manifests, workload, Path(directory))
            environ = _Asked(
                {key: value.replace(MOUNT, directory, 1) for key, value in environment(manifests, workload).items()}
            )
            try:
                settings = read(environ)
            except SettingsError as error:
                yield from (f"{name}: {problem}" for problem in error.problems)
                continue
        for unknown in sorted(key for key in environ if key.startswith("SCOUT_") and key not in environ.names):
            yield f"{name}: knows no setting {unknown}"
        yield from _elsewhere(workload, settings)


def _elsewhere(workload: Workload, settings: Any) -> Iterator[str]:
    listens = {"ops": settings.ops_listen.port}
    if workload.name == API:
        listens["http"] = settings.listen.port
    if workload.name == DHT_NODE:
        listens["dht"] = settings.listen.port
    ports = {port: found["containerPort"] for port, found in workload.ports.items()}
    if ports != listens:
        yield f"{workload.name}: has ports {ports} and listens at {listens}"


def no_secrets(manifests: Manifests) -> Iterator[str]:
    """A secret is a file: none stands in a ConfigMap, a variable or a URL, and Secrets are made by `local` alone."""
    (namespace,) = (item["metadata"]["name"] for item in manifests.of("Namespace"))
    if namespace != "scout-local" and list(manifests.of("Secret")):
        yield f"{namespace}: expected to find its Secrets, not to bring them"
    told = re.compile(r"//[^/@]*:[^/@]+@|[0-9a-f]{64}|BEGIN [A-Z ]*KEY")
    for workload in manifests.workloads():
        for key, value in environment(manifests, workload).items():
            if told.search(value) or re.search(r"(KEY|KEYS|PASSWORD|SECRET|TOKEN)$", key):
                yield f"{workload.name}: {key} looks like a secret; expected {key}_FILE"
    for item in manifests.of("ConfigMap"):
        yield from (
            f"ConfigMap {item['metadata']['name']}: {key} holds a secret"
            for key, value in item.get("data", {}).items()
            if told.search(value)
        )


def mounted_where_needed(manifests: Manifests) -> Iterator[str]:
    """A pod mounts the secrets that its settings name, all of them and no others, for its own eyes."""
    for workload in manifests.workloads():
        volumes = [volume for volume in workload.pod.get("volumes", []) if "projected" in volume]
        if any(volume["projected"].get("defaultMode") != 0o440 for volume in volumes):
            yield f"{workload.name}: expected secrets of mode 0440"
        mounts = {mount["name"]: mount for mount in workload.containers[0].get("volumeMounts", [])}
        for volume in volumes:
            mount = mounts.get(volume["name"], {})
            if mount.get("mountPath") != MOUNT or mount.get("readOnly") is not True:
                yield f"{workload.name}: expected secrets at {MOUNT}, read-only"
        if workload.name in READERS:
            environ = environment(manifests, workload)
            named = {value.removeprefix(f"{MOUNT}/") for value in environ.values() if value.startswith(MOUNT)}
            found = [key for secret in secrets_of(workload) for key in secret_keys(manifests, secret) or ()]
            if sorted(found) != sorted(named):
                yield f"{workload.name}: mounts {sorted(found)}, and its settings name {sorted(named)}"


def environment(manifests: Manifests, workload: Workload) -> dict[str, str]:
    """What the container sees, with addresses from FIELDS."""
    environ = settings_of(manifests, workload)
    for entry in workload.containers[0].get("env", []):
        value = entry.get("value")
        if value is None:
            value = FIELDS[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for known, text in environ.items():
            value = value.replace(f"$({known})", text)
        environ[entry["name"]] = value
    return environ


def write_secrets(manifests: Manifests, workload: Workload, directory: Path) -> None:
    """The files that a workload's pods would have mounted."""
    for name in secrets_of(workload):
        generated = manifests.get("Secret", name)
        for key in secret_keys(manifests, name) or ():
            own = base64.b64decode(generated["data"][key]).decode() if generated else CONTENTS[key]
            (directory / key).write_text(own, encoding="utf-8")
