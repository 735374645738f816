"""The stack of compose.yaml as an operator handles it: up, scale, look, kill."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from tests.compose.engine import Engine, compose_command, run
from tests.support.ports import free_port

CLOCK = SystemClock()
TARGETS = ("api", "crypto", "dht-node", "tools")
PROJECT = "scouttest"
_POLL = 0.25


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the engine sees it."""

    id: str
    service: str
    found: dict[str, Any]
    """What `docker inspect` says."""

    @property
    def pid(self) -> int:
        """Of its first process, on this machine; 0: it does not run."""
        return int(self.found["State"]["Pid"])

    @property
    def healthy(self) -> bool:
        """Whether its health check passes."""
        health = self.found["State"].get("Health", {})
        return bool(self.found["State"]["Running"]) and health.get("Status") == "healthy"

    @property
    def described(self) -> str:
        """For failures: its state, and what its health check said last."""
        state = self.found["State"]
        log = state.get("Health", {}).get("Log") or [{}]
        return f"{self.service} {state['Status']} {state.get('Health', {}).get('Status')}: {log[-1].get('Output', '')}"


class Stack:
    """One project of compose in an engine."""

    def __init__(self, engine: Engine, checkout: Path) -> None:
        """Work on `checkout`, with the private DHT."""
        self.engine = engine
        self.checkout = checkout
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def build(self) -> None:
        """All images. Builds fetch packages in the host's network: the engine has no other for them."""
        for target in TARGETS:
            self.engine.docker(
                *("build", "--network=host", f"--target={target}", f"--tag=scout-{target}", str(self.checkout)),
                timeout=240,
            )

    def compose(self, *arguments: str, check: bool = True, timeout: float = 120) -> str:
        """What a command of compose prints."""
        command = compose_command()
        assert command is not None
        return run(
            *(*command, "--project-name", PROJECT, "--env-file", "deploy/compose/swarm.env", *arguments),
            environ=self.engine.environ | {"SCOUT_API_PORT": str(self.port)},
            check=check,
            timeout=timeout,
            cwd=self.checkout,
        )

    def up(self, *scale: str) -> None:
        """`up` behind, with as many of each service as `scale` says (`api=3`)."""
        scaled = [word for one in scale for word in ("--scale", one)]
        self.compose("up", "--detach", "--no-build", *scaled)

    def containers(self, service: str | None = None) -> list[Container]:
        """All of the project's containers, or those of one service."""
        of_service = [f"--filter=label=com.docker.compose.service={service}"] if service else []
        of_project = f"--filter=label=com.docker.compose.project={PROJECT}"
        ids = self.engine.docker("ps", "--all", "--quiet", of_project, *of_service).split()
        found = json.loads(self.engine.docker("inspect", *ids)) if ids else []
        return [Container(one["Id"], one["Config"]["Labels"]["com.docker.compose.service"], one) for one in found]

    def running(self, service: str | None = None) -> list[Container]:
        """Those that are to run for as long as the stack does: not the making of secrets."""
        return [one for one in self.containers(service) if one.service != "secrets"]

    def until_healthy(self, within: float) -> float:
        """Wait until all are healthy; the seconds that it took. Raises AssertionError."""
        began = CLOCK.monotonic()
        while True:
            ailing = [one for one in self.running() if not one.healthy]
            if not ailing:
                return CLOCK.monotonic() - began
            assert CLOCK.monotonic() - began < within, "\n".join(one.described for one in ailing) + self.logs()
            time.sleep(_POLL)

    def crash(self, container: Container, within: float) -> float:
        """Kill its process as a defect would, and wait until it runs again and all are healthy; the seconds it took.

        After `docker kill` the engine takes it that somebody wanted it so, and would not start it again.
        """
        began, times = CLOCK.monotonic(), container.found["RestartCount"]
        os.kill(container.pid, signal.SIGKILL)
        while self._again(container).found["RestartCount"] == times:
            assert CLOCK.monotonic() - began < within, f"{container.service} was not started again"
            time.sleep(_POLL)
        self.until_healthy(within)
        return CLOCK.monotonic() - began

    def _again(self, container: Container) -> Container:
        return next(one for one in self.containers(container.service) if one.id == container.id)

    def logs(self) -> str:
        """All that all containers have said."""
        return self.compose("logs", "--no-color", check=False)

    def secret(self, name: str) -> str:
        """A secret from where the stack keeps them, for looking whether it is anywhere else."""
        return (self.engine.volume(f"{PROJECT}_secrets") / name).read_text().strip()

    def down(self) -> None:
        """Stop and remove all of it, volumes too."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)
