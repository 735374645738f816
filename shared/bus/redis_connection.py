"""The only module that knows redis-py: one open connection, commands in one write, replies in plain types.

redis-py gives the connection (TLS, authentication, hiredis); its pools, pipelines, Sentinel and Cluster clients are
passed by, since one reply costs them several times what it costs the server. It is asked for no retries and no read
timeouts of its own either: by default it waits 5 s and then tries ten times in silence, so that a longer BLOCK fails
after a minute.
"""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Self, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus import streams
from shared.bus.redis_settings import Login, RedisSettings, Tls
from shared.settings import Endpoint

Command = tuple[bytes | str | int, ...]

_READ_BYTES = 1 << 18


class RedisDown(Exception):  # noqa: N818  # a state that passes, not a fault of the command
    """The server can't be reached, or went silent, or can't serve now; whether the commands took effect is unknown."""


class CommandError(Exception):
    """The server refused a command."""


class NoGroupError(CommandError):
    """The stream or its consumer group is gone: the server lost its data."""


class GroupExistsError(CommandError):
    """Somebody else created the group first."""


class NotPermittedError(CommandError):
    """The user that we are may not do that: the server's access list lacks a command or a key."""


class MovedError(CommandError):
    """Another server of the Cluster has the key."""


class AskError(CommandError):
    """The key is on its way to another server of the Cluster, which answers for it when it is told that we know."""


_REFUSALS = {
    "NOGROUP": NoGroupError,
    "UNBLOCKED": NoGroupError,
    "BUSYGROUP": GroupExistsError,
    "NOPERM": NotPermittedError,
    "MOVED": MovedError,
    "ASK": AskError,
}

_PASSING = frozenset({"READONLY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN"})
"""The server is no master any more, or lacks the others that it needs: to be asked again, perhaps elsewhere."""

_EXPLAINED = {
    "NOAUTH": "the server wants a password: SCOUT_REDIS_PASSWORD_FILE",
    "WRONGPASS": "the server knows no such user with this password (WRONGPASS)",
    "ERR": "the server has no password, but one was given",
}


class RedisConnection:
    """One connection to one server, open until an error closes it."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Use `open` instead."""
        self._connection = connection
        self.id = 0
        """The server's name for this connection; what CLIENT UNBLOCK wants."""

    @classmethod
    async def open(
        cls, settings: RedisSettings, at: Endpoint | None, *, login: Login | None = None, db: int = 0
    ) -> Self:
        """Connect and log in `at` an endpoint, or with None at the Unix socket. Raises RedisDown."""
        try:
            opened = cls(_connection(settings, at, login or settings.login, db))
            try:
                await opened._introduce()
            except BaseException:
                await opened.close(wait=False)
                raise
        except RedisDown as down:
            cause = down.__context__ or down
            raise RedisDown(str(down) + _suspected(cause, settings)) from None
        except (RedisError, CommandError, OSError) as error:
            raise RedisDown(_explained(error) + _suspected(error, settings)) from None
        return opened

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands in one write; a reply for each, a CommandError in the place of one refused.

        Raises RedisDown; then, and when it is cancelled, the connection is to be closed: replies nobody read would be
        taken for those of the next commands.
        """
        packed = b"".join([hiredis.pack_command(cast("tuple[Any]", command)) for command in commands])
        try:
            await self._connection.send_packed_command(packed)
            return [await self._reply() for _ in commands]
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise RedisDown(_explained(error)) from None

    async def close(self, *, wait: bool = True) -> None:
        """Close, and `wait` until that is done."""
        await self._connection.disconnect(nowait=not wait)

    async def _introduce(self) -> None:
        await self._connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
        (reply,) = await self.exchange([("CLIENT", "ID")])
        if isinstance(reply, CommandError):
            raise reply
        self.id = reply

    async def _reply(self) -> Any:
        try:
            # math.inf: no timeout of redis-py's own for each reply; the link's is for all of them
            return await self._connection.read_response(disable_decoding=True, timeout=math.inf)
        except ResponseError as error:
            return _refusal(error)


def _connection(settings: RedisSettings, at: Endpoint | None, login: Login, db: int) -> AbstractConnection:
    """A connection that is not open yet. Raises OSError where a file of the settings can't be read."""
    username, password = login.credentials()
    usual: dict[str, Any] = {
        "username": username or None,
        "password": password or None,
        "db": db,
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": streams.CONNECT_S,
        "socket_read_size": _READ_BYTES,
        "driver_info": None,
    }
    if at is None:
        return UnixDomainSocketConnection(path=settings.path, **usual)
    if settings.tls is None:
        return Connection(host=at.host, port=at.port, **usual)
    encrypted = SSLConnection(host=at.host, port=at.port, **usual)
    # its own context would trust the system's authorities beside the one that it is given
    encrypted.ssl_context.context = _context(settings.tls)
    return encrypted


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    return context


def _refusal(error: ResponseError) -> CommandError:
    """The one place that reads the server's words: their first is the only code that tells one refusal from another.

    Raises RedisDown for those that pass.
    """
    code = error.status_code or str(error).partition(" ")[0]
    text = str(error) if error.status_code is None else f"{code} {error}"
    if code in _PASSING:
        raise RedisDown(text)
    return _REFUSALS.get(code, CommandError)(text)


def _explained(error: BaseException) -> str:
    """What an operator can mend, in words; never with a password in it."""
    if isinstance(error, AuthenticationError):
        return _EXPLAINED.get(error.status_code or "", str(error))
    cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"a certificate that is not trusted: {cause.verify_message} (SCOUT_REDIS_CA_FILE names who is trusted)"
    if isinstance(cause, ssl.SSLError):
        return _tls_explained(cause)
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there (connection refused)"
    if isinstance(cause, socket.gaierror):
        return f"no such host ({cause.strerror})"
    if isinstance(cause, ConnectionResetError):
        return "the connection was closed"
    if isinstance(cause, OSError) and cause.filename is not None:
        return f"a file that can't be read, {cause.filename}: {cause.strerror}"
    return str(error) or "no answer in time"


def _suspected(error: BaseException, settings: RedisSettings) -> str:
    """What a silence or a closed door at the very beginning may mean."""
    if settings.tls and isinstance(error, RedisTimeoutError | TimeoutError):
        return " (a server without TLS keeps silent here: its URL has no s)"
    closed = isinstance(error.__context__, ConnectionError) or "closed by server" in str(error)
    if not closed or isinstance(error.__context__, ConnectionRefusedError) or not settings.endpoints:
        return ""
    if settings.tls is None:
        return " (a server with TLS closes like this: its URL has an s, as in rediss)"
    return " (a server that wants a certificate of ours closes like this: SCOUT_REDIS_CERT_FILE)"


def _tls_explained(error: ssl.SSLError) -> str:
    reason = (error.reason or "").replace("_", " ").lower()
    if "alert" in reason and "certificate" in reason:
        return f"a server that wants another certificate of ours ({reason}): SCOUT_REDIS_CERT_FILE"
    if "wrong version" in reason or "record" in reason or "eof" in reason:
        return f"an answer that is not TLS ({reason}): a server without TLS has a URL without the s"
    return f"no TLS: {reason or error}"
