"""Whether we answer strangers: always, never (BEP 43), or when it has shown that they reach us.

A node that others can't reach, behind a NAT or a firewall, only costs them: every query to it runs into its timeout. It
should ask and not answer. In *auto* mode a node finds out by itself which it is. What proves that strangers reach us is
a query from somebody we have not written to lately: no NAT lets that in unless it lets everybody in, and it makes no
difference who sent it, or in whose name.

Strangers ask only whom they have heard of, and nobody tells of a read-only node. So, a minute after the start and then
twice an hour, it behaves as a server for five minutes: its queries do not say `ro`, and those it writes to pass it on.
If strangers come, it stays one; if none come for an hour, it goes back.
"""

from __future__ import annotations

from math import inf

from services.dht_node.core.config import Mode, NodeConfig
from services.dht_node.core.contact import prefix
from services.dht_node.core.recent import Recent

FIRST_TRIAL = 60.0
"""Seconds from the start to the first trial: by then there are contacts to be passed on by."""
TRIAL = 300.0
"""Seconds a trial lasts: longer than nodes keep a contact to themselves before they hand it out (two minutes here)."""
TRIAL_INTERVAL = 1800.0
"""Seconds from the end of one trial to the next."""
SERVER_INTERVAL = 3600.0
"""Seconds in which strangers must have come for a server to stay one."""
STRANGERS_MIN = 3
"""Strangers of as many networks must come: one may be somebody to whom a friend gave our address."""
STRANGER_AFTER = 900.0
"""Seconds for which those we wrote to are no strangers: longer than any NAT keeps the way back open (RFC 4787, REQ-5,
wants two minutes; many take five)."""
ASKED_MAX = 65_536
"""Hosts remembered as written to: about 8 MiB, in auto mode only."""


class Presence:
    """One node's standing towards strangers; `now` is in monotonic seconds."""

    def __init__(self, config: NodeConfig, now: float) -> None:
        self.read_only = config.mode is not Mode.SERVER
        """Whether we answer nobody, and say so in our queries, just now."""
        self.auto = config.mode is Mode.AUTO
        self._lab = config.lab
        self._asked = Recent(ASKED_MAX, STRANGER_AFTER)
        self._strangers: set[bytes | str] = set()
        """Networks from which strangers have come since the last change; in labs hosts. Fewer than suffice."""
        self._due = now + FIRST_TRIAL if self.auto else inf

    def asked(self, host: str, now: float) -> None:
        """We have written to this host."""
        if self.auto:
            self._asked.add(host, now)

    def heard_from(self, host: str, now: float) -> None:
        """A query came from this host."""
        if self._asked.knows(host, now):
            return
        self._strangers.add(host if self._lab else prefix(host))
        if len(self._strangers) >= STRANGERS_MIN:
            self._become(read_only=False, until=now + SERVER_INTERVAL)

    def turn(self, now: float) -> float:
        """Change what has to change; returns when to come again."""
        if now >= self._due:
            self._become(read_only=not self.read_only, until=now + (TRIAL if self.read_only else TRIAL_INTERVAL))
        return self._due

    def _become(self, *, read_only: bool, until: float) -> None:
        self.read_only = read_only
        self._due = until
        self._strangers.clear()
