"""Where the keys are, and who speaks to the DHT: the three ways to use Scout, which meet on the same links."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Which client does the work."""

    MANAGED = "managed"
    """`scout.Client`: a service does all of it, with the secret inside a handle that only it can open."""
    BLIND = "blind"
    """`scout.BlindClient`: a service passes sealed values on; secrets stay here."""
    SESSION = "session"
    """`scout.Session`: a DHT node of one's own; no service at all."""
