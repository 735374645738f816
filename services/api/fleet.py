"""What an API process says about itself, and what it makes of what all others say: is the fleet healthy?"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from services.api.answers import DeadLetterAnswer, FleetAnswer, ProblemAnswer, ProcessAnswer, ProcessState
from shared.bus import streams
from shared.bus.ports import DeadLetter, Member
from shared.contracts.fleet import Api
from shared.fleet import histogram_of
from shared.samples import Samples

SERVICES = ("api", "crypto", "dht_node")
"""What a fleet must have, each at least once."""
WHOLE = "standalone"
"""A process that is all of them."""

WAITING_MAX = streams.MAX_BACKLOG // 10
"""Requests that may wait for a service: a tenth of what callers are refused at."""


def api_of(samples: Samples) -> Api:
    """What this process did, of the figures that /metrics has."""
    name = "scout_api_request_seconds"
    return Api(
        requests=samples.by("code", f"{name}_count"),
        in_flight=samples.count("scout_api_requests_in_flight"),
        seconds=histogram_of(samples, name),
    )


def fleet_of(members: Sequence[Member], dead_letters: Mapping[str, int], now_ms: int) -> FleetAnswer:
    """The fleet as its processes tell of it, and all that is wrong with it."""
    replaced = _replaced(members)
    processes = [_process(member, _state(member, replaced), now_ms) for member in members]
    problems = list(_problems(processes))
    return FleetAnswer(
        healthy=not problems,
        problems=problems,
        processes=processes,
        dead_letters=dict(dead_letters),
        at=_moment(now_ms),
    )


def dead_letter_of(letter: DeadLetter) -> DeadLetterAnswer:
    """A request that was given up."""
    return DeadLetterAnswer(
        shard=letter.shard,
        operation=letter.operation,
        reason=letter.reason,
        age_s=letter.age_ms / 1000,
        deliveries=letter.deliveries,
        request_id=letter.trace,
    )


def _replaced(members: Sequence[Member]) -> set[str]:
    """The instances that died and have a successor: another of their service that has started since, each its own."""
    heirs = [member for member in members if _alive(member)]
    replaced = set()
    for dead in sorted(members, key=lambda member: member.silent_ms):
        heir = next((heir for heir in heirs if not _alive(dead) and _succeeds(heir, dead)), None)
        if heir is not None:
            heirs.remove(heir)
            replaced.add(dead.report.instance)
    return replaced


def _alive(member: Member) -> bool:
    return member.silent_ms < streams.FLEET_DEAD_MS


def _succeeds(heir: Member, dead: Member) -> bool:
    """Whether a process does what the other did, and began after that had last been heard of."""
    return heir.report.service == dead.report.service and heir.report.uptime_ms < dead.silent_ms


def _state(member: Member, replaced: Container[str]) -> ProcessState:
    if not _alive(member):
        return ProcessState.REPLACED if member.report.instance in replaced else ProcessState.DEAD
    return ProcessState.READY if all(member.report.checks.values()) else ProcessState.NOT_READY


def _process(member: Member, state: ProcessState, now_ms: int) -> ProcessAnswer:
    report = member.report
    return ProcessAnswer(
        service=report.service,
        instance=report.instance,
        host=report.host,
        version=report.version,
        started=_moment(now_ms - member.silent_ms - report.uptime_ms),
        silent_s=member.silent_ms / 1000,
        state=state,
        checks=report.checks,
        bus=report.bus,
        dht=report.dht,
        crypto=report.crypto,
        api=report.api,
    )


def _problems(processes: Sequence[ProcessAnswer]) -> Iterator[ProblemAnswer]:
    """All that keeps the fleet from being healthy; the sentences hold nothing that changes by the second."""
    alive = [one for one in processes if one.state in {ProcessState.READY, ProcessState.NOT_READY}]
    present = {one.service for one in alive}
    if WHOLE not in present:
        for service in SERVICES:
            if service not in present:
                yield ProblemAnswer(subject=service, text=f"No {service} process is running.")
    for process in processes:
        if process.state is ProcessState.DEAD:
            yield _about(process, "died: it has stopped reporting without saying goodbye.")
        elif process.state is ProcessState.NOT_READY:
            lacking = ", ".join(name for name, passed in process.checks.items() if not passed)
            yield _about(process, f"is not ready: {lacking}.")
    yield from _waiting(alive)
    if any(one.dht.kept_overdue for one in alive if one.dht):
        yield ProblemAnswer(subject="keep", text="Items that the cluster keeps alive have not been put again in time.")


def _waiting(alive: Sequence[ProcessAnswer]) -> Iterator[ProblemAnswer]:
    for service in sorted({service for one in alive for service in one.bus}):
        if max(one.bus[service].lag for one in alive if service in one.bus) >= WAITING_MAX:
            yield ProblemAnswer(subject=service, text=f"More than {WAITING_MAX} requests wait for {service}.")


def _about(process: ProcessAnswer, what: str) -> ProblemAnswer:
    return ProblemAnswer(subject=process.instance, text=f"{process.service} {process.instance} {what}")


def _moment(utc_ms: int) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, UTC)
