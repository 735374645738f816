"""A copy of the checkout as a fresh clone would be, and what its build stage needs of this host."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from tests.compose.engine import BUILD

ROOT = Path(__file__).parents[2]
_SETTINGS = ("index-url", "extra-index-url", "proxy", "timeout", "trusted-host")


def fresh_copy() -> Path:
    """The files that git knows or would take up, without anything ignored."""
    copy = BUILD / "scout"
    shutil.rmtree(copy, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def hand_in_pip_settings(copy: Path) -> None:
    """Certificates and pip's settings of this host, for the build stage of `copy` (deploy/build-host/README.md)."""
    authorities = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile  # noqa: TID251  # pip's own
    lines = ["[global]"]
    if authorities:
        shutil.copy(authorities, copy / "deploy/build-host/ca.pem")
        lines.append("cert = /build-host/ca.pem")
    lines += [f"{name} = {value}" for name, value in _pip_settings().items() if name in _SETTINGS]
    (copy / "deploy/build-host/pip.conf").write_text("\n".join(lines) + "\n")


def _pip_settings() -> dict[str, str]:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        # what lies on this host's disk is not there in a build
        if "file:" not in value:
            found[name.rpartition(".")[2]] = value.strip("'\"")
    return found
