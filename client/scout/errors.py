"""Everything the SDK raises on purpose: one tree, so that one `except scout.ClientError` holds it all."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """A call did not succeed; the subclasses say whether the service answered."""


class OpenElsewhere(ClientError):  # noqa: N818  # a state that passes
    """Another session has the directory that this one was to remember itself in."""


class ScoutApiError(ClientError):
    """The service answered, and the answer is an error (RFC 9457 problem details).

    `code` is stable and meant for programs (`shared.errors.ErrorCode`), `detail` is a sentence for people,
    `facts` are the problem's other members (a budget, a limit, the current seq), `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int,
        facts: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Build the error from what the service sent."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.facts = facts or {}
        self.retry_after = retry_after


class Unauthorized(ScoutApiError):  # noqa: N818  # as HTTP names it
    """The service wants an API key, or does not know this one, or it has expired (401)."""


class ScopeMissing(ScoutApiError):  # noqa: N818  # a state of the key
    """The API key is good, but not for this call; `facts["scope"]` is what it lacks (403 `forbidden_scope`)."""


class BudgetSpent(ScoutApiError):  # noqa: N818  # a state that passes
    """The API key, or its tenant, has sent as many DHT packets as it may for now (429); see `retry_after`."""


class Unreachable(ClientError):  # noqa: N818  # a state of the world that callers handle, and the name they import
    """No answer came: the address is wrong, nothing listens there, or the time ran out.

    `sent` tells whether the request may have reached the service and may have been carried out.
    """

    def __init__(self, url: str, detail: str, *, sent: bool) -> None:
        """Name the service's address and what happened."""
        super().__init__(f"{url}: {detail}")
        self.url = url
        self.detail = detail
        self.sent = sent
