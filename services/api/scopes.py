"""What an API key may be allowed to do; each endpoint names the one scope it asks for, or none."""

from __future__ import annotations

from shared.api_keys import Scope

__all__ = ["Scope"]
