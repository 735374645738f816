"""Whether a service of this container is ready: `python ready.py PORT`, exit status 0 or 1.

For health checks that can only run a command. Nothing but sockets is imported: it runs every few seconds.
"""

from __future__ import annotations

import socket
import sys

WITHIN_S = 3.0


def ready(port: int) -> tuple[bool, str]:
    """Whether /readyz on `port` answers 200, and what it answers. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as connection:
        connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = connection.makefile("rb").read().decode()
    head, _, body = answer.partition("\r\n\r\n")
    return " 200 " in head.partition("\r\n")[0], body


if __name__ == "__main__":
    try:
        passed, said = ready(int(sys.argv[1]))
    except OSError as error:
        passed, said = False, str(error)
    print(said)  # noqa: T201  # what `docker inspect` shows
    sys.exit(not passed)
