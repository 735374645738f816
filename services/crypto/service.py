"""The crypto service without a bus: the port `shared.usecases.ports.Crypto`, in one process or behind the handlers."""

from __future__ import annotations

from collections.abc import Sequence

from services.crypto.handles import Entropy, Handles, Kind, MasterKey
from services.crypto.link_secrets import Secrets
from services.crypto.links import Links
from services.crypto.meters import Meters, Unopened
from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import keys
from shared.format.problems import checked
from shared.links.local import LocalCrypto

MAX_BATCH = 1024
"""Values in one request: at some microseconds each, nobody else's request waits long behind it."""


class CryptoService:
    """Holds the master keys and does what they allow. Every method raises ScoutError and nothing else."""

    def __init__(self, master_keys: Sequence[MasterKey], entropy: Entropy, meters: Meters | None = None) -> None:
        """Wrap with the first of `master_keys`; take secrets and nonces from `entropy`."""
        self._handles = Handles(master_keys, entropy)
        self._links = Links(self._handles, meters)
        self._secrets = Secrets(self._handles)
        self._entropy = entropy
        self._meters = meters

    async def create_key(self, request: crypto.CreateKey, context: CallContext) -> crypto.CreateKeyReply:
        """Make or import an X25519 secret."""
        secret = self._entropy(keys.SECRET_KEY_SIZE) if request.secret is None else request.secret
        public_key = checked(lambda: keys.public_key(secret))
        return crypto.CreateKeyReply(key=self._handles.wrap(Kind.KEY, context.tenant, secret), public_key=public_key)

    async def create_link(self, request: crypto.CreateLink, context: CallContext) -> crypto.CreateLinkReply:
        """Make a link from a key and a peer, from a secret, or from a passphrase."""
        secret, member = await self._secrets.of_link(request, context.tenant)
        handle = checked(lambda: self._links.wrap(context.tenant, request.format, secret, member))
        return crypto.CreateLinkReply(link=handle, format=request.format, member=member)

    async def locate(self, request: crypto.Locate, context: CallContext) -> crypto.LocateReply:
        """Say where a link's record lives."""
        return await self._opened(request.link, context).locate(request, context)

    async def open_record(self, request: crypto.OpenRecord, context: CallContext) -> crypto.OpenRecordReply:
        """Open versions of a record, each on its own."""
        link = self._opened(request.link, context)
        _require_batch(request.versions)
        reply = await link.open_record(request, context)
        self._count_unopened(Unopened.RECORD, sum(version.error is not None for version in reply.versions))
        return reply

    async def seal_record(self, request: crypto.SealRecord, context: CallContext) -> crypto.SealRecordReply:
        """Seal and sign the next version of a record, for each place that is asked for."""
        link = self._opened(request.link, context)
        _require_batch(request.places)
        return await link.seal_record(request, context)

    async def seal_message(self, request: crypto.SealMessage, context: CallContext) -> crypto.SealMessageReply:
        """Frame a message, sealed unless told otherwise."""
        return await self._opened(request.link, context).seal_message(request, context)

    async def open_messages(self, request: crypto.OpenMessages, context: CallContext) -> crypto.OpenMessagesReply:
        """Unframe and open messages, each on its own."""
        link = self._opened(request.link, context)
        _require_batch(request.values)
        reply = await link.open_messages(request, context)
        self._count_unopened(Unopened.MESSAGE, sum(message.error is not None for message in reply.messages))
        return reply

    async def rewrap(self, request: crypto.Rewrap, context: CallContext) -> crypto.RewrapReply:
        """Wrap the secret of a handle with the newest master key."""
        kind, handle = self._handles.rewrap(context.tenant, request.handle)
        return crypto.RewrapReply(handle=handle, kind=kind.value)

    def _opened(self, handle: str, context: CallContext) -> LocalCrypto:
        return LocalCrypto(self._links.open(context.tenant, handle), self._entropy)

    def _count_unopened(self, what: Unopened, count: int) -> None:
        if self._meters is not None and count:
            self._meters.unopened.labels(what).inc(count)


def _require_batch(values: Sequence[object]) -> None:
    if len(values) > MAX_BATCH:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"expected at most {MAX_BATCH} values in one request, got {len(values)}",
            facts={"size": len(values), "limit": MAX_BATCH},
        )
