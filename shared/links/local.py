"""One link whose keys are in this process: the port `shared.usecases.ports.LinkCrypto` without any service."""

from __future__ import annotations

from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.format import bep44
from shared.format.problems import checked
from shared.links.ports import Link, Nonces


class LocalCrypto:
    """Does what can be asked of one link, a client's own or in the crypto service a handle's. Raises ScoutError."""

    def __init__(self, link: Link, nonces: Nonces) -> None:
        """Work with the keys of `link`; `nonces` is `os.urandom` outside of tests."""
        self._link = link
        self._nonces = nonces

    async def locate(self, request: crypto.Locate, _context: CallContext) -> crypto.LocateReply:
        """Where the record lies."""
        return checked(lambda: self._link.locate(request.now_ms))

    async def open_record(self, request: crypto.OpenRecord, _context: CallContext) -> crypto.OpenRecordReply:
        """Open versions of the record, each on its own."""
        return crypto.OpenRecordReply(versions=[self._link.open_version(version) for version in request.versions])

    async def seal_record(self, request: crypto.SealRecord, _context: CallContext) -> crypto.SealRecordReply:
        """Seal and sign the next version of the record, for each place that is asked for."""
        link, plaintext = self._link, request.plaintext
        sealed = checked(lambda: [link.seal_record(plaintext, at, self._nonces) for at in request.places])
        return crypto.SealRecordReply(sealed=sealed)

    async def seal_message(self, request: crypto.SealMessage, _context: CallContext) -> crypto.SealMessageReply:
        """Frame a message, sealed unless told otherwise."""
        value = checked(lambda: self._link.seal_message(request, self._nonces))
        return crypto.SealMessageReply(value=value, target=bep44.immutable_target(value))

    async def open_messages(self, request: crypto.OpenMessages, _context: CallContext) -> crypto.OpenMessagesReply:
        """Unframe and open messages, each on its own."""
        return crypto.OpenMessagesReply(messages=[self._link.open_message(value) for value in request.values])
