"""A Docker engine of our own: its data, sockets and networks apart from any other, and gone at the end.

`python -m tests.compose.engine` says whether one can be started on this machine: exit status 0, or 1 and the reason.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.compose.firewall import firewall_as_it_was

BUILD = Path(__file__).parents[2] / "build" / "compose-test"
START_WITHIN = 30.0
STOP_WITHIN = 30.0
SUBNETS = "base=10.213.0.0/16,size=24"
_POLL = 0.2

_NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "debootstrap": "debootstrap",
    "iptables-save": "iptables",
}


class NoEngineError(Exception):
    """No engine can be started here; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine."""

    socket: Path
    data: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to find it. The classic builder: BuildKit's client is not in Debian's package."""
        return os.environ | {  # noqa: TID251  # of the tools that are started
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_BUILDKIT": "0",
            "COMPOSE_DOCKER_CLI_BUILD": "0",
        }

    def docker(self, *arguments: str, check: bool = True, timeout: float = 120) -> str:
        """What a command of `docker` prints, both outputs. Raises CalledProcessError."""
        return run("docker", *arguments, environ=self.environ, check=check, timeout=timeout)

    def volume(self, name: str) -> Path:
        """Where the engine keeps a named volume."""
        return self.data / "volumes" / name / "_data"


def run(
    *command: str, environ: dict[str, str], check: bool = True, timeout: float = 120, cwd: Path | None = None
) -> str:
    """What a command prints, both outputs in one; when it fails, that is in the error."""
    done = subprocess.run(
        command,
        env=environ,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def missing() -> str | None:
    """What keeps this machine from running an engine, as far as can be seen without trying."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "an engine needs Linux and root"
    packages = sorted({package for tool, package in _NEEDED.items() if shutil.which(tool) is None})
    if compose_command() is None:
        packages.append("docker-compose")
    return f"apt-get install {' '.join(packages)}" if packages else None


def compose_command() -> tuple[str, ...] | None:
    """How compose is called here: as a plugin of docker, or as Debian has it."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if plugin.returncode == 0:
            return "docker", "compose"
    return ("docker-compose",) if shutil.which("docker-compose") else None


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Run an engine until the block ends, and leave nothing of it behind. Raises NoEngineError."""
    if reason := missing():
        raise NoEngineError(reason)
    data = BUILD / "engine"
    data.mkdir(parents=True, exist_ok=True)
    # sockets have names of at most 108 bytes
    runtime = Path(tempfile.mkdtemp(prefix="scout-engine-"))
    try:
        with _alone(), firewall_as_it_was(), _dockerd(data, runtime) as engine:
            yield engine
    finally:
        _unmounted(runtime)
        _unmounted(data)
        shutil.rmtree(runtime, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for the engine of another checkout: two would undo each other's firewall."""
    with (Path(tempfile.gettempdir()) / "scout-engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _dockerd(data: Path, runtime: Path) -> Iterator[Engine]:
    engine = Engine(runtime / "docker.sock", data)
    log = BUILD / "dockerd.log"
    command = (
        "dockerd",
        f"--data-root={data}",
        f"--exec-root={runtime / 'exec'}",
        f"--pidfile={runtime / 'pid'}",
        f"--host=unix://{engine.socket}",
        "--bridge=none",
        f"--default-address-pool={SUBNETS}",
    )
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_until_up(engine, process, log)
            yield engine
            for container in engine.docker("ps", "--quiet", "--all", check=False).split():
                engine.docker("rm", "--force", "--volumes", container, check=False)
            engine.docker("network", "prune", "--force", check=False)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_up(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(int(START_WITHIN / _POLL)):
        if process.poll() is not None:
            break
        if engine.socket.exists() and "Server Version" in engine.docker("info", check=False):
            return
        time.sleep(_POLL)
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise NoEngineError(f"dockerd does not start: {lines[-1][-300:]}")


def _unmounted(directory: Path) -> None:
    """Whatever is still mounted below, so that it can be removed: networks' namespaces, layers of containers."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


def main() -> int:
    """Try, and say what came of it."""
    try:
        with running_engine() as engine:
            print(engine.docker("info", "--format", "dockerd {{.ServerVersion}}, {{.Driver}}").strip())  # noqa: T201
    except NoEngineError as error:
        print(error)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
