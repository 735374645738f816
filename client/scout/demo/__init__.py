"""The main job as a story that checks itself: two people meet, one is away for a while, a stranger looks on."""

from __future__ import annotations

from scout.demo.account import Account, Step
from scout.demo.stage import DemoFailedError, Evidence, Stage
from scout.demo.story import tell

__all__ = ["Account", "DemoFailedError", "Evidence", "Stage", "Step", "tell"]
