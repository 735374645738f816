"""The `scout` command: one module for each group of commands, and one place for output and exit codes."""

from __future__ import annotations

from scout.cli.main import main

__all__ = ["main"]
