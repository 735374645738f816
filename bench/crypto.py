"""Processor time of the crypto service for a record opened and a record sealed, in both formats: `make bench-crypto`.

What is measured is everything that the service's process does between the bytes of a request and the bytes of its
answer: it decodes the envelope, opens the body that the bus key seals, decodes that, finds the link by its handle,
opens or seals each of the records (800 bytes of plaintext), encodes the answer, seals it, encodes its envelope, and
counts all that in its metrics. Redis and the sockets are left out; they are `make bench-bus`. The link is in the cache,
as it is after the first request about it; what that first one takes is listed below.

Time is the thread's own processor time, so that others on the machine matter little. The formats take turns, and each
figure is the median of the rounds. "without" is what remains when the Ed25519 signatures and key pairs are taken off:
how many a request takes is known, and what one takes is measured in the same rounds with the service's own functions.
No X25519 is in these requests: a pair's product is made once, when its link is; that too is listed.
In scout2 a batch is sealed twice: for one epoch, whose keys are in the cache, and for as many epochs as it has records,
as for a record that is kept for weeks. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from bench.machine import describe
from services.crypto import handlers, meters
from services.crypto.handles import MASTER_KEY_SIZE, MasterKey
from services.crypto.service import CryptoService
from shared.bus.execution import Executor
from shared.bus.meters import BusMeters
from shared.bus.seal import KEY_BYTES, Sealer
from shared.bus.streams import REPLY_PREFIX
from shared.clock import SystemClock
from shared.contracts import crypto
from shared.contracts.envelope import Envelope, decode, encode
from shared.contracts.operation import CallContext, Message, Operation
from shared.format import bep44, keys
from shared.settings import Secret

BATCHES = (1, 16, 64)
ROUNDS = 15
RECORDS_PER_ROUND = 1024
FIRST_REQUESTS = 64
PLAINTEXT = 800
FORMATS: tuple[crypto.FormatName, ...] = ("scout1", "scout2")

CLOCK = SystemClock()
LIFETIME_MS = 3_600_000
MASTER_KEY = MasterKey(1, Secret(bytes(MASTER_KEY_SIZE)))
SEALER = Sealer(Secret(bytes(KEY_BYTES)))


class Replica:
    """A crypto service as the bus sees it, with an empty cache."""

    def __init__(self) -> None:
        own = meters.build(CollectorRegistry())
        self.service = CryptoService([MASTER_KEY], os.urandom, own)
        offered = handlers.build(self.service, CLOCK, own)
        bus = BusMeters.build(CollectorRegistry())
        self._executor = Executor("crypto", offered, clock=CLOCK, meters=bus, sealer=SEALER)

    async def answer(self, request: bytes) -> None:
        """From the bytes of an envelope to those of its answer."""
        answer = await self._executor.answer(decode(Envelope, request))
        encode([answer.reply])
        if not answer.reply.ok:
            raise RuntimeError("expected an answer without an error")


def context() -> CallContext:
    """Of a tenant who has time."""
    return CallContext(CLOCK.utc_ms() + LIFETIME_MS)


def asked(operation: Operation[Any, Any], request: Message) -> bytes:
    """The bytes of a request on its way."""
    of = context()
    empty = Envelope(os.urandom(16), operation.name, f"{REPLY_PREFIX}bench", of.deadline_ms, of.tenant, "bench", b"")
    body = SEALER.seal_request(empty, encode(request))
    return encode(Envelope(empty.id, empty.operation, empty.reply_to, empty.deadline_ms, empty.tenant, "bench", body))


@dataclass(slots=True)
class Subject:
    """Something whose processor time is measured: microseconds for one `part`, round by round."""

    name: str
    format: crypto.FormatName
    parts: int
    """Records in one call."""
    call: Callable[[], Awaitable[None]]
    signatures: int = 0
    """Ed25519, for each part."""
    pairs: int = 0
    """Ed25519 key pairs made from seeds, for each part."""
    took_us: list[float] = field(default_factory=list)

    async def measure(self) -> None:
        """One round."""
        calls = max(1, RECORDS_PER_ROUND // self.parts)
        started = time.thread_time()
        for _ in range(calls):
            await self.call()
        self.took_us.append((time.thread_time() - started) * 1e6 / calls / self.parts)

    @property
    def median_us(self) -> float:
        """Of the rounds."""
        return statistics.median(self.took_us)


async def subjects(replica: Replica, format_name: crypto.FormatName, batch: int) -> list[Subject]:
    """Opening and sealing a batch of records of one link."""
    of = context()
    created = crypto.CreateLink(secret=os.urandom(32), format=format_name)
    link = (await replica.service.create_link(created, of)).link
    located = await replica.service.locate(crypto.Locate(link=link, now_ms=CLOCK.utc_ms()), of)
    # scout2 has the epochs before, at and after this moment
    epoch = located.sites[len(located.sites) // 2].epoch
    plaintext = os.urandom(PLAINTEXT)
    here = [crypto.SealAt(seq=seq, epoch=epoch) for seq in range(1, batch + 1)]
    seal = crypto.SealRecord(link=link, plaintext=plaintext, places=here)
    sealed = (await replica.service.seal_record(seal, of)).sealed
    versions = [
        crypto.SealedVersion(value=one.value, seq=at.seq, epoch=at.epoch) for one, at in zip(sealed, here, strict=True)
    ]
    opening = asked(crypto.OPEN_RECORD, crypto.OpenRecord(link=link, versions=versions))
    sealing = asked(crypto.SEAL_RECORD, seal)
    found = [
        Subject("open", format_name, batch, partial(replica.answer, opening)),
        Subject("seal", format_name, batch, partial(replica.answer, sealing), signatures=1),
    ]
    if format_name == "scout2" and batch > 1:
        ahead = [crypto.SealAt(seq=1, epoch=epoch + 2 + place) for place in range(batch)]
        far = asked(crypto.SEAL_RECORD, crypto.SealRecord(link=link, plaintext=plaintext, places=ahead))
        found.append(
            Subject("seal, an epoch each", format_name, batch, partial(replica.answer, far), signatures=1, pairs=1)
        )
    return found


@dataclass(frozen=True, slots=True)
class Curves:
    """What Ed25519 and X25519 take on their own."""

    sign: Subject
    pair: Subject
    exchange: Subject

    @classmethod
    def build(cls) -> Curves:
        """With a signature over as many bytes as a sealed record has."""
        seed, message = os.urandom(32), bep44.signable_bytes(bytes(bep44.MAX_VALUE), 1)
        _public, signing = keys.signing_pair(seed)
        peer = keys.public_key(os.urandom(32))

        async def sign() -> None:
            keys.sign(signing, message)

        async def pair() -> None:
            keys.signing_pair(seed)

        async def exchange() -> None:
            keys.exchange(seed, peer)

        return cls(
            Subject("Ed25519 signature", "scout2", 1, sign),
            Subject("Ed25519 key pair", "scout2", 1, pair),
            Subject("X25519 product", "scout2", 1, exchange),
        )

    @property
    def all(self) -> tuple[Subject, ...]:
        """Of them."""
        return self.sign, self.pair, self.exchange

    def share_us(self, subject: Subject) -> float:
        """What Ed25519 takes of one part of `subject`."""
        return subject.signatures * self.sign.median_us + subject.pairs * self.pair.median_us


async def first_locate(format_name: crypto.FormatName) -> float:
    """Microseconds of the first request about a link: it is unwrapped and its keys are derived."""
    known, fresh, of = Replica(), Replica(), context()
    requests = []
    for _ in range(FIRST_REQUESTS):
        link = (await known.service.create_link(crypto.CreateLink(secret=os.urandom(32), format=format_name), of)).link
        requests.append(asked(crypto.LOCATE, crypto.Locate(link=link, now_ms=CLOCK.utc_ms())))
    started = time.thread_time()
    for request in requests:
        await fresh.answer(request)
    return (time.thread_time() - started) * 1e6 / len(requests)


async def others(replica: Replica) -> list[Subject]:
    """Requests that have no bar: where a record lies, and a pair's link."""
    of, found = context(), []
    key = (await replica.service.create_key(crypto.CreateKey(), of)).key
    peer = keys.public_key(os.urandom(32))
    for format_name in FORMATS:
        pair = crypto.CreateLink(key=key, peer=peer, format=format_name)
        link = (await replica.service.create_link(pair, of)).link
        locating = asked(crypto.LOCATE, crypto.Locate(link=link, now_ms=CLOCK.utc_ms()))
        making = asked(crypto.CREATE_LINK, pair)
        found += [
            Subject("locate", format_name, 1, partial(replica.answer, locating)),
            Subject("link of a pair", format_name, 1, partial(replica.answer, making)),
        ]
    return found


async def passphrase(replica: Replica) -> float:
    """Microseconds of processor time that a passphrase takes, in a thread of its own."""
    request = crypto.CreateLink(passphrase="correct horse", group="bench", member=0, format="scout2")
    started = time.process_time()
    await replica.service.create_link(request, context())
    return (time.process_time() - started) * 1e6


def table(measured: list[Subject], curves: Curves) -> list[dict[str, Any]]:
    """A row for each format, operation and batch, printed and returned."""
    rows = []
    for subject in measured:
        whole, curve = subject.median_us, curves.share_us(subject)
        row = {
            "operation": subject.name,
            "format": subject.format,
            "batch": subject.parts,
            "cpu_us": round(whole, 1),
            "ed25519_us": round(curve, 1),
            "without_us": round(whole - curve, 1),
        }
        print(
            f"{subject.format} {subject.name:20} batch {subject.parts:2}: {whole:6.1f} µs a record, "
            f"of that Ed25519 {curve:5.1f}, without {whole - curve:6.1f}"
        )
        rows.append(row)
    return rows


def ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """scout2 to scout1, Ed25519 taken off both."""
    found = {(row["format"], row["operation"], row["batch"]): row["without_us"] for row in rows}
    return {
        f"{operation}_{batch}": round(found["scout2", operation, batch] / found["scout1", operation, batch], 2)
        for operation in ("open", "seal")
        for batch in BATCHES
    }


async def benchmark(rounds: int) -> dict[str, Any]:
    """All figures."""
    replica, curves = Replica(), Curves.build()
    measured = [one for batch in BATCHES for name in FORMATS for one in await subjects(replica, name, batch)]
    listed = await others(replica)
    for number in range(rounds):
        turn = [*measured, *listed, *curves.all]
        for subject in turn if number % 2 else reversed(turn):
            await subject.measure()
    rows = table(measured, curves)
    singles: dict[str, float] = {f"{one.format} {one.name}": round(one.median_us, 1) for one in listed}
    singles |= {one.name: round(one.median_us, 1) for one in curves.all}
    for format_name in FORMATS:
        first = [await first_locate(format_name) for _ in range(rounds)]
        singles[f"{format_name} first locate of a link"] = round(statistics.median(first), 1)
    singles["passphrase"] = round(await passphrase(replica), 1)
    for name, figure in singles.items():
        print(f"{name}: {figure:,} µs")
    return {"records": rows, "scout2_to_scout1": ratios(rows), "others_us": singles}


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    machine = describe()
    print(json.dumps({**asyncio.run(benchmark(arguments.rounds)), "machine": machine}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
