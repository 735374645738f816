"""What an API key may be allowed to do; each endpoint names the one scope it asks for, or none."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A part of the API that a key opens."""

    READ = "read"
    """Read records, devices and messages, and make handles, by which nothing is stored."""
    WRITE = "write"
    """Change records and devices, and leave messages."""
    RELAY = "relay"
    """Store and fetch items and signed values as they are, announce and find peers, look up nodes."""
    ADMIN = "admin"
    """Look after the service: its nodes, its fleet, its console."""
