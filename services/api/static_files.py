"""Files that belong to pages, read once: no name that somebody sends ever reaches a file system."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath

from services.api.endpoints import Page
from services.api.headers import PAGE

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def files_of(folder: str) -> dict[str, Page]:
    """All that a page in `folder` of this package consists of, by name."""
    return {
        entry.name: Page(entry.read_bytes(), {**PAGE, "Content-Type": TYPES[PurePath(entry.name).suffix]})
        for entry in files("services.api").joinpath(folder).iterdir()
        if PurePath(entry.name).suffix in TYPES
    }
