"""The service: is it there, do its clock and ours agree, is its bus healthy, does its DHT node serve?"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp

from scout.answers import DhtStatus
from scout.client import Client
from scout.doctor.findings import Finding, failed, ok, warning
from scout.errors import ScoutApiError, Unreachable
from scout.transport import RetryPolicy, Surroundings
from shared.errors import ErrorCode

ANSWER_WITHIN = 12.0
"""Seconds: a little longer than the deadline that the service gives itself."""
APART_WARNING = 2.0
APART_FAILED = 10.0
"""Seconds between two clocks. Services compare deadlines with their own clocks, and no deadline is longer than this."""
NTP = "Let NTP set both clocks: deadlines are compared between machines."


async def examine_service(url: str, api_key: str | None, surroundings: Surroundings) -> list[Finding]:
    """All checks of the service at `url`."""
    sent = surroundings.clock.utc_ms() / 1000
    try:
        date = await _date_of(url)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        return [failed("service", f"{url} does not answer: {reason}", "Is it running? `scout up` starts one here.")]
    findings = [ok("service", f"{url} answers"), clocks(date, sent, surroundings.clock.utc_ms() / 1000)]
    return [*findings, *await _through_the_bus(url, api_key, surroundings)]


async def _date_of(url: str) -> float | None:
    """The service's `Date` (RFC 9110, section 6.6.1) in seconds since the Unix epoch; None when it sends none."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, allow_redirects=False) as answer:
        try:
            return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
        except ValueError:
            return None


def clocks(date: float | None, sent: float, received: float) -> Finding:
    """Do the service's clock and ours agree? `Date` has whole seconds, and was made between `sent` and `received`."""
    if date is None:
        return warning("clocks", "the service does not say what time it is", "Something in between removes `Date`.")
    apart = max(0.0, date - received, sent - (date + 1))
    if apart <= APART_WARNING:
        return ok("clocks", "ours and the service's agree")
    said = f"ours and the service's are {apart:.0f} s apart"
    return warning("clocks", said, NTP) if apart <= APART_FAILED else failed("clocks", said, NTP)


async def _through_the_bus(url: str, api_key: str | None, surroundings: Surroundings) -> list[Finding]:
    once = RetryPolicy(attempts=1)
    try:
        async with Client(url, api_key=api_key, timeout=ANSWER_WITHIN, retry=once, surroundings=surroundings) as client:
            status = await client.dht_status()
    except ScoutApiError as error:
        return [refused(error)]
    except Unreachable as error:
        return [failed("redis", f"the service did not say: {error.detail}", "Look at the log of the service.")]
    return [ok("redis", "the bus carried a question to a DHT node, and its answer back"), node(status)]


def refused(error: ScoutApiError) -> Finding:
    """What an error says about the bus."""
    if error.code == ErrorCode.BUS_UNAVAILABLE:
        return failed("redis", error.detail, "Look at Redis, and at SCOUT_REDIS_URL of the services.")
    if error.code == ErrorCode.DEADLINE_EXCEEDED:
        return failed("dht node", "the bus took the question, and no DHT node answered it", "Is a DHT node running?")
    if error.code == ErrorCode.UNAUTHORIZED:
        return failed("api key", error.detail, "Name its file with --api-key-file, or put it into SCOUT_API_KEY.")
    if error.code == ErrorCode.FORBIDDEN_SCOPE:
        said = "this API key may not ask how the DHT node is, so neither it nor the bus was examined"
        return warning("redis", said, "With a key of the scope admin, this can be told too.")
    return failed("redis", f"the service refused to say ({error.code}): {error.detail}", "Look at its log.")


def node(status: DhtStatus) -> Finding:
    """How the service's own node is."""
    said = (
        f"{status.good_contacts} good contacts, {status.answer_ratio:.0%} of its queries answered, "
        f"{status.canary_failures} failures of its canary"
    )
    if status.ready:
        return ok("dht node", said)
    advice = "Its UDP port must let datagrams out and in; `scout dht status` has the details."
    return failed("dht node", f"not ready: {said}", advice)
