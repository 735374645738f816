"""What the choices at the top of a page mean in a query."""

from __future__ import annotations

HERE = 'namespace=~"$namespace"'
"""Selects by the namespaces that are chosen; series of an installation without namespaces have an empty one."""
NODE = f'{HERE}, instance=~"$instance"'
"""The same, and by the DHT nodes that are chosen."""


def node_rate(metric: str, by: str, more: str = "") -> str:
    """The rate of a counter of the chosen DHT nodes, summed by labels; `more` narrows the selector."""
    return f"sum by ({by}) (rate({metric}{{{NODE}{more}}}[$__rate_interval]))"
