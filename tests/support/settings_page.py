"""docs/settings.md, made of the settings that the services declare; `make settings-page` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.api.settings import read_from as read_api
from services.crypto.settings import read_from as read_crypto
from services.dht_node.settings import read_from as read_dht_node
from services.standalone.private_dht import read_from as read_swarm
from shared.service_main import STATUSES, declared
from shared.settings import Setting

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
SERVICES = {"api": declared(read_api), "crypto": declared(read_crypto), "dht_node": declared(read_dht_node)}
SWARM = declared(read_swarm)

HEAD = """\
# Settings

<!-- Made by `make settings-page` of what services/*/settings.py and shared/service_settings.py declare. -->

Services are set up by environment variables. Any of them but those that name a file may be given as a file instead, by
the variable's name with `_FILE` behind it: so clusters mount secrets. The file's text counts without the white space
around it; where both are set, the file holds. An empty variable counts as none.

A service that finds anything wrong does not start. It says on standard error what, one line for each problem and all
of them at once: the variable, what was expected and what came, never a secret. `--check-config` says so without
starting, and when nothing is wrong what holds for each setting and where it comes from:

```
$ python -m services.api --check-config
```

A `SCOUT_` variable that is no setting of the service is named too, with the one that may have been meant, but stops
nothing: it may be another service's. `--help` lists the settings.

```
"""

CLIENT = """
The command `scout` and the SDK have [settings of their own](cli.md).
"""


def page() -> str:
    """The whole page."""
    names = [{one.name for one in settings} for settings in SERVICES.values()]
    common, of_two = set.intersection(*names), {"SCOUT_BUS_KEY"}
    parts = [HEAD, STATUSES, "```\n", "\n## Of every service\n\n"]
    parts += _table(one for one in SERVICES["api"] if one.name in common and one.name != "SCOUT_OPS_LISTEN")
    parts += ["\n## Of the API and the crypto service\n\n"]
    parts += _table(one for one in SERVICES["api"] if one.name in of_two)
    for service, settings in SERVICES.items():
        own = [one for one in settings if one.name not in common | of_two or one.name == "SCOUT_OPS_LISTEN"]
        parts += [f"\n## Of `{service}`\n\n", *_table(own)]
    parts += ["\n## Of `standalone.private_dht`\n\n", *_table(one for one in SWARM if one.name != "SCOUT_LOG_LEVEL")]
    return "".join([*parts, CLIENT])


def _table(settings: Iterable[Setting[Any]]) -> list[str]:
    head = ["| variable | form | by default | meaning |\n", "|---|---|---|---|\n"]
    return [*head, *map(_row, settings)]


def _row(setting: Setting[Any]) -> str:
    if setting.required:
        usual = "required"
    elif setting.usual or setting.default in (None, [], ""):
        usual = setting.usual or "none"
    else:
        usual = f"`{setting.shown(setting.default)}`"
    return f"| `{setting.name}` | {setting.form} | {usual} | {setting.help} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
