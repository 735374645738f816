"""The main job: read all versions of a record, merge them with what callers want, write the union back.

One run serves every caller that waits for the record in this process (`coalescer`). Across processes the DHT decides:
a put is a compare-and-swap on each node against the versions that were merged. Of two writers that race at most one
gets a majority; that one is done, the other reads again and merges what the first has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format.errors import FormatError, RecordFullError
from shared.format.problems import scout_error
from shared.logs import trace_id
from shared.usecases import records
from shared.usecases.changes import Change, Scope
from shared.usecases.coalescer import Coalescer, Job
from shared.usecases.formats.ports import Content, Entries, Meta
from shared.usecases.keeping import Kept
from shared.usecases.ports import Ports
from shared.usecases.races import is_undecided, overruled, union
from shared.usecases.records import Place, Record, Version
from shared.usecases.refusals import record_full
from shared.usecases.releasing import Notice
from shared.usecases.standing import Ancestry
from shared.usecases.thinning import within_limit
from shared.usecases.writing import QUORUM, Wish, keep_stored, put

MAX_ATTEMPTS = 12
"""Rounds of read, merge, write. Each round one writer wins, so twelve processes may race for one record."""

SETTLING_ATTEMPTS = 3
"""Attempts that wait for writers of one message list to settle which of them goes first, before deciding for them."""

SPARING_ATTEMPTS = 7
"""Attempts that leave alone what they decided against; after these its writer is dead, and it is only in the way."""

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between attempts, doubled each time and spread by ±50 %: the first about as long as a put on a fast net."""

RETRY_AFTER = 2.0


class PreconditionFailedError(ScoutError):
    """`If-Match` names another state; `record` is the current one."""

    def __init__(self, record: Record) -> None:
        super().__init__(
            ErrorCode.PRECONDITION_FAILED,
            f"The record's current state is {record.tag}, which is none of those that If-Match names.",
        )
        self.record = record


@dataclass(frozen=True, slots=True)
class Synced:
    """A record after a write."""

    record: Record
    storing: dht.StoringReport | None
    """None when all was stored already and nothing had to be written."""
    attempts: int
    callers: int
    """How many callers this one write served."""
    trace: str
    """Under which id it was made: that of one of those callers."""
    kept: Kept
    """Nothing of a write that was not necessary: a lease that there is goes on."""


@dataclass(frozen=True, slots=True)
class _Asked:
    place: Place
    context: CallContext
    change: Change | None
    if_match: frozenset[str] | None
    keep: int
    asked_ms: int
    """When: every attempt writes as of this moment, so that it is the same write."""


_Job = Job[_Asked, Synced]


@dataclass(slots=True)
class _Run:
    """What one run has learnt, over its attempts."""

    place: Place
    context: CallContext
    jobs: list[_Job]
    attempt: int = 0
    meta: Meta = ()
    versions: dict[bytes, Version] = field(default_factory=dict)
    """Signature -> every version of others that an attempt has read."""
    heads: dict[int, bytes] = field(default_factory=dict)
    """Of message lists that have several, those that were decided for: id of the entry -> head."""
    found: Record | None = None
    """What the latest attempt read that others have written."""
    known: Entries = ()
    """All that others have written. Our own attempts are left out: a change must not see its own half-stored self."""
    written: dict[int, dict[bytes, int]] = field(default_factory=dict)
    """Epoch -> signature and BEP 44 seq of our own attempts."""
    older: dict[bytes, bytes | None] = field(default_factory=dict)
    """See `Scope.older`."""

    def learn(self, others: Record) -> None:
        """Take in the versions of others; one that an earlier attempt read, and no node shows now, has no holders."""
        for signature, version in self.versions.items():
            self.versions[signature] = replace(version, holders=0)
        self.versions.update((version.signature, version) for version in others.versions)
        self.meta = self.place.format.merge_meta((self.meta, others.meta))

    def content(self, entries: Entries) -> Content:
        """`entries` with what is said about the whole record."""
        return Content(entries, self.meta)

    @property
    def signatures(self) -> set[bytes]:
        """Of all our own attempts."""
        return {signature for attempts in self.written.values() for signature in attempts}

    @property
    def waiting(self) -> list[_Job]:
        return [job for job in self.jobs if job.waiting]

    @property
    def keep(self) -> int:
        """Seconds: what the most demanding of the callers asks for."""
        return max(job.work.keep for job in self.jobs)


class Synchroniser:
    """Writes records. An async context manager: it owns the runs that are in flight."""

    def __init__(self, ports: Ports, notice: Notice | None = None) -> None:
        """`notice` is told, for each member whose writes were done, what its run had found."""
        self._ports = ports
        self._notice = notice
        self._coalescer: Coalescer[tuple[str, bytes], _Asked, Synced] = Coalescer(
            self._serve, goes_first=lambda wish: wish.if_match is not None
        )

    async def __aenter__(self) -> Self:
        """Start."""
        await self._coalescer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the runs in flight."""
        await self._coalescer.__aexit__(kind, error, trace)

    async def synchronise(
        self,
        place: Place,
        change: Change | None,
        context: CallContext,
        if_match: frozenset[str] | None = None,
        keep: int = 0,
    ) -> Synced:
        """Merge all versions of the record at `place` with `change`, and store the union.

        Without a change it writes only if versions have forked or too few nodes hold the newest. With one it always
        writes, even the same content again: that renews the two hours for which nodes keep it.
        `if_match` holds acceptable tags (`Record.tag`), or `*` for any record that exists. What is written is kept
        alive for `keep` seconds.

        Raises ScoutError: `precondition_failed`, `conflict`, `not_stored`, `record_full`, what the change refuses, …
        """
        now_ms = self._ports.clock.utc_ms()
        seconds = (context.deadline_ms - now_ms) / 1000
        wish = _Asked(place, context, change, if_match, keep, now_ms)
        return await self._coalescer.submit((context.tenant, place.target), wish, max(seconds, 0.0))

    async def _serve(self, _key: tuple[str, bytes], jobs: list[_Job]) -> None:
        first = jobs[0].work
        # each caller's own wait ends at its own deadline; the run goes on for whoever may wait longest
        deadline = max(job.work.context.deadline_ms for job in jobs)
        trace_id.set(first.context.trace)
        run = _Run(first.place, replace(first.context, deadline_ms=deadline), jobs)
        while run.waiting:
            run.attempt += 1
            if await self._attempt(run):
                self._tell(run)
                return
            await self._pause(run)

    def _tell(self, run: _Run) -> None:
        """Hand on what the run found."""
        writers = {job.work.place.member: job.work for job in run.jobs}
        for work in writers.values():
            if self._notice is not None and run.found is not None:
                self._notice(work.place, replace(run.found, entries=run.known), work.context)

    async def _attempt(self, run: _Run) -> bool:
        """One round of read, merge, write. True when the jobs are answered."""
        found = await records.read_at(self._ports, run.place, run.context)
        others = found.without(run.signatures)
        if run.attempt <= SETTLING_ATTEMPTS and is_undecided(run.place.format, others.versions, _enough(found)):
            return False
        run.learn(others)
        run.found = others
        ancestry = Ancestry(self._ports, run.place, run.context, run.older)
        run.heads = await ancestry.heads(tuple(run.versions.values()), _enough(found), run.heads)
        run.known = union(run.place.format, tuple(run.versions.values()), run.heads)
        self._judge_precondition(run, others)
        entries = await self._apply(run)
        if not run.waiting:
            return True
        stored = _stored(found, entries)
        if stored and (run.attempt > 1 or all(job.work.change is None for job in run.waiting)):
            _answer(run, replace(found, entries=entries), None, await self._keep(run, stored))
            return True
        return await self._write(run, found, entries)

    def _judge_precondition(self, run: _Run, others: Record) -> None:
        """Fail the job whose `If-Match` names another state; only a batch's first can have one."""
        job = run.jobs[0]
        accepted = job.work.if_match
        nothing_new = run.attempt > 1 and not others.versions
        if accepted is None or nothing_new or others.tag in accepted or ("*" in accepted and others.versions):
            return
        job.fail(PreconditionFailedError(others))

    async def _apply(self, run: _Run) -> Entries:
        """Every waiting caller's change, one on the other; one that is refused fails its own caller only."""
        rules, entries = run.place.format, run.known
        for job in run.waiting:
            scope = Scope(rules, job.work.asked_ms, job.work.context, job.work.keep, run.older)
            try:
                changed = await job.work.change.apply(entries, scope) if job.work.change else entries
                fitting = within_limit(rules, run.content(changed), run.known, job.work.place.member)
            except RecordFullError as error:
                job.fail(record_full(rules, run.content(entries), error.size))
            except FormatError as error:
                job.fail(scout_error(error))
            except ScoutError as error:
                job.fail(error)
            else:
                entries = fitting.entries
        return entries

    async def _write(self, run: _Run, found: Record, entries: Entries) -> bool:
        """Seal and put `entries`. True when they are stored, False when others were in the way."""
        content, used = run.content(entries), run.written.get(found.epoch, {}).values()
        others = found.without(run.signatures).versions if run.attempt <= SPARING_ATTEMPTS else ()
        spared = {version.signature for version in overruled(run.place.format, others, _enough(found), run.heads)}
        attempt = await put(self._ports, run.place, found, content, Wish(used, spared, run.keep), run.context)
        run.written.setdefault(found.epoch, {})[attempt.signature] = attempt.item_seq
        if not attempt.won:
            return False
        seq = run.place.format.absolute(attempt.item_seq, found.epoch)
        self._ports.highest.wrote(run.place.link, entries)
        written = replace(found, entries=entries, meta=run.meta, seq=seq, versions=())
        _answer(run, written, attempt.storing, attempt.kept)
        return True

    async def _keep(self, run: _Run, stored: Version) -> Kept:
        """Have a version kept that an earlier attempt of ours, or of a writer who merged it, brought to the nodes."""
        if run.attempt == 1 or run.keep == 0:
            return Kept()
        return await keep_stored(self._ports, run.place, stored, run.keep, run.context)

    async def _pause(self, run: _Run) -> None:
        """Wait before the next attempt. Raises ScoutError (`conflict`) when there is no room for one."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (run.attempt - 1)) * self._ports.dice.uniform(0.5, 1.5)
        left = (run.context.deadline_ms - self._ports.clock.utc_ms()) / 1000
        if run.attempt >= MAX_ATTEMPTS or left <= pause:
            raise ScoutError(
                ErrorCode.CONFLICT,
                f"Others changed the record in each of {run.attempt} attempts to write it.",
                retry_after=RETRY_AFTER,
                facts={"attempts": run.attempt},
            )
        await self._ports.pause(pause)


def _stored(found: Record, entries: Entries) -> Version | None:
    """The version with exactly these entries that is on enough nodes: a quorum, or a majority of a smaller net."""
    enough = _enough(found)
    same = (version for version in found.current if version.entries == entries and version.holders >= enough)
    return next(same, None)


def _enough(found: Record) -> int:
    """How many nodes decide: the quorum, or a majority of a smaller net."""
    answered = found.lookup.answered if found.lookup else 0
    return min(QUORUM, answered // 2 + 1)


def _answer(run: _Run, record: Record, storing: dht.StoringReport | None, lease: Kept) -> None:
    waiting: Sequence[_Job] = run.waiting
    for job in waiting:
        job.succeed(Synced(record, storing, run.attempt, len(waiting), run.context.trace, lease))
