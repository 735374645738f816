"""Node ids, their distance, and the ids that BEP 42 lets an address have."""

from __future__ import annotations

ID_SIZE = 20
ID_BITS = 160
