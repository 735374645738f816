"""Gathers `rules/*.yaml` into one PrometheusRule, for the Prometheus operator: `python -m observability.operator`.

The plain files are the source, read by Prometheus itself in compose and by promtool in the tests; kustomize can't wrap
a file into an object, so the object is committed, and `make k8s-test` says when it is older than they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
TARGET = HERE / "prometheusrule.yaml"
_HEAD = "# Made from rules/*.yaml by `python -m observability.operator`; change those.\n"
_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines stay blocks, so that they can be read where they run."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def rendered(rules: Path = HERE.parent / "rules") -> str:
    """The text of the PrometheusRule that holds every group of every `*.yaml` in `rules`, by file name."""
    groups: list[dict[str, Any]] = []
    for path in sorted(rules.glob("*.yaml")):
        groups += yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "scout", "labels": {"app.kubernetes.io/name": "scout"}},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.dump(rule, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
