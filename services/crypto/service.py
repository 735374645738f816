"""The crypto service without a bus: the port `shared.usecases.ports.Crypto`, in one process or behind the handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.crypto import operations
from services.crypto.handles import Entropy, Handles, Kind, MasterKey
from services.crypto.links import Links
from services.crypto.meters import Meters, Unopened
from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import keys
from shared.format.errors import FormatError
from shared.format.members import member_of_pair
from shared.format.problems import scout_error
from shared.format.scout1.link import derive
from shared.format.scout1.seal import NONCE_SIZE

MAX_BATCH = 1024
"""Values in one request: at some microseconds each, nobody else's request waits long behind it."""

Result = TypeVar("Result")


class CryptoService:
    """Holds the master keys and does what they allow. Every method raises ScoutError and nothing else."""

    def __init__(self, master_keys: Sequence[MasterKey], entropy: Entropy, meters: Meters | None = None) -> None:
        """Wrap with the first of `master_keys`; take secrets and nonces from `entropy`."""
        self._handles = Handles(master_keys, entropy)
        self._links = Links(self._handles, meters)
        self._entropy = entropy
        self._meters = meters

    async def create_key(self, request: crypto.CreateKey, context: CallContext) -> crypto.CreateKeyReply:
        """Make or import an X25519 secret."""
        secret = self._entropy(keys.SECRET_KEY_SIZE) if request.secret is None else request.secret
        public_key = _checked(lambda: keys.public_key(secret))
        return crypto.CreateKeyReply(key=self._handles.wrap(Kind.KEY, context.tenant, secret), public_key=public_key)

    async def create_link(self, request: crypto.CreateLink, context: CallContext) -> crypto.CreateLinkReply:
        """Make a link from a key and a peer, or from a shared secret."""
        secret, member = self._shared_secret(request, context.tenant)
        link = _checked(lambda: derive(secret, member))
        return crypto.CreateLinkReply(
            link=self._links.wrap(context.tenant, secret, member),
            format=request.format,
            member=member,
            public_key=link.public_key,
            target=link.target,
        )

    async def locate(self, request: crypto.Locate, context: CallContext) -> crypto.LocateReply:
        """Say where a link's record lives."""
        link = self._links.keys(context.tenant, request.link)
        return crypto.LocateReply(format="scout1", member=link.member, public_key=link.public_key, target=link.target)

    async def open_record(self, request: crypto.OpenRecord, context: CallContext) -> crypto.OpenRecordReply:
        """Open versions of a record, each on its own."""
        link = self._links.keys(context.tenant, request.link)
        _require_batch(request.versions)
        opened = [operations.open_version(link, version) for version in request.versions]
        self._count_unopened(Unopened.RECORD, sum(version.error is not None for version in opened))
        return crypto.OpenRecordReply(versions=opened)

    async def seal_record(self, request: crypto.SealRecord, context: CallContext) -> crypto.SealRecordReply:
        """Seal and sign the next version of a record."""
        link = self._links.keys(context.tenant, request.link)
        return _checked(lambda: operations.seal_record(link, request, self._entropy(NONCE_SIZE)))

    async def seal_message(self, request: crypto.SealMessage, context: CallContext) -> crypto.SealMessageReply:
        """Frame a message, sealed unless told otherwise."""
        link = self._links.keys(context.tenant, request.link)
        return _checked(lambda: operations.seal_message(link, request, self._entropy(NONCE_SIZE)))

    async def open_messages(self, request: crypto.OpenMessages, context: CallContext) -> crypto.OpenMessagesReply:
        """Unframe and open messages, each on its own."""
        link = self._links.keys(context.tenant, request.link)
        _require_batch(request.values)
        opened = [operations.open_message(link, value) for value in request.values]
        self._count_unopened(Unopened.MESSAGE, sum(message.error is not None for message in opened))
        return crypto.OpenMessagesReply(messages=opened)

    def _shared_secret(self, request: crypto.CreateLink, tenant: str) -> tuple[bytes, int]:
        """The secret of the link to make, and whose member number its holder gets."""
        if request.key is not None and request.peer is not None and request.secret is None:
            if request.member is not None:
                raise ScoutError(ErrorCode.INVALID_REQUEST, "expected no member with a peer: the two keys decide it")
            return self._exchange(self._handles.unwrap(Kind.KEY, tenant, request.key), request.peer)
        if request.secret is not None and request.key is None and request.peer is None:
            return request.secret, request.member or 0
        raise ScoutError(ErrorCode.INVALID_REQUEST, "expected either a key and a peer, or a secret")

    def _exchange(self, secret_key: bytes, peer: bytes) -> tuple[bytes, int]:
        shared = _checked(lambda: keys.exchange(secret_key, peer))
        return shared, _checked(lambda: member_of_pair(keys.public_key(secret_key), peer))

    def _count_unopened(self, what: Unopened, count: int) -> None:
        if self._meters is not None and count:
            self._meters.unopened.labels(what).inc(count)


def _checked(action: Callable[[], Result]) -> Result:
    """What `action` returns; its FormatError, which the caller's input caused, becomes a ScoutError."""
    try:
        return action()
    except FormatError as error:
        raise scout_error(error) from None


def _require_batch(values: Sequence[object]) -> None:
    if len(values) > MAX_BATCH:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"expected at most {MAX_BATCH} values in one request, got {len(values)}",
            facts={"size": len(values), "limit": MAX_BATCH},
        )
