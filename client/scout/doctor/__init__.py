"""What is wrong with the network, the service, or the way between them: `scout doctor`."""

from __future__ import annotations

from scout.doctor.examination import examine
from scout.doctor.findings import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
