"""Write the dashboards: `python -m observability.panels`."""

from __future__ import annotations

import json
from pathlib import Path

from observability.panels import bus, dht, overview
from observability.panels.render import render

DIRECTORY = Path(__file__).parents[1] / "dashboards"
PAGES = {"overview": overview.DASHBOARD, "dht": dht.DASHBOARD, "bus": bus.DASHBOARD}


def documents() -> dict[str, str]:
    """File name -> its content."""
    return {f"{name}.json": json.dumps(render(page), indent=2) + "\n" for name, page in PAGES.items()}


def main() -> None:
    """Write every file."""
    for name, text in documents().items():
        (DIRECTORY / name).write_text(text)


if __name__ == "__main__":
    main()
