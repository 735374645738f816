"""Stand-ins for the public images that the Dockerfile and compose name, made from Debian's packages.

No image is fetched: a registry may be out of reach, or limit how often it is asked. One root file system, with what
all of them need, is imported under every name; it is kept in `build/compose-test` for the next run.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.compose.engine import BUILD, Engine

SUITE = "bookworm"
PACKAGES = ("python3", "python3-pip", "python3-venv", "redis-server", "haproxy")
IMAGES = ("python:3.11-slim-bookworm", "redis:7-bookworm", "haproxy:3.0-bookworm")
REDIS_USER = 999
"""Of the official image."""
_NOT_NEEDED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
)


def make(engine: Engine) -> None:
    """Have the stand-ins in `engine`."""
    archive = BUILD / f"stand-in-{SUITE}.tar"
    if not archive.exists():
        _debootstrap(archive)
    engine.docker("import", str(archive), IMAGES[0])
    for name in IMAGES[1:]:
        engine.docker("tag", IMAGES[0], name)


def _debootstrap(archive: Path) -> None:
    root = BUILD / "stand-in"
    shutil.rmtree(root, ignore_errors=True)
    command = ("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"debootstrap failed: {(done.stdout + done.stderr)[-2000:]}"
    _as_the_official_images_are(root)
    draft = archive.with_suffix(".new")
    subprocess.run(["tar", "--create", f"--file={draft}", "--directory", str(root), "."], check=True)
    draft.replace(archive)
    shutil.rmtree(root)


def _as_the_official_images_are(root: Path) -> None:
    """Paths and owners that the Dockerfile and compose count on."""
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (root / "data").mkdir()
    shutil.chown(root / "data", REDIS_USER, REDIS_USER)
    for directory in _NOT_NEEDED:
        shutil.rmtree(root / directory, ignore_errors=True)
