"""Metrics without globals: a registry a process, bucket bounds shared by all histograms of one kind."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector

LATENCY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From one bus round trip on one machine to the longest deadline of the API."""

WORK_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05)
"""Pure computing: from one secretbox to a batch of signatures."""


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process's own figures and `scout_build_info`."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    info = Gauge("scout_build_info", "Always 1; the labels say what runs.", ["service", "version"], registry=registry)
    info.labels(service, version).set(1)
    return registry
