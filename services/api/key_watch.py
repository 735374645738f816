"""The key file while the service runs: a new one is taken up within seconds, a broken one is not.

The file is read again and compared, instead of watched: so it does not matter whether it was edited, replaced, or is a
link that Kubernetes turned to another directory.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from services.api.guard_meters import GuardMeters
from services.api.keys import Keys
from shared.api_key_file import KeyFileError, parse

POLL_S = 2.0
"""Between two looks: how long a revoked key may still work."""
LARGEST_FILE = 4 * 1024 * 1024
"""Bytes: more than ten thousand keys."""

log = logging.getLogger(__name__)


def read_text(path: Path) -> str:
    """The file's text. Raises OSError, and KeyFileError for what can be none."""
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise KeyFileError([f"expected at most {LARGEST_FILE} bytes"])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise KeyFileError(["expected text in UTF-8"]) from None


class KeyWatch:
    """Keeps `keys` as the file says."""

    def __init__(self, path: Path, keys: Keys, meters: GuardMeters) -> None:
        """Watch the file that `keys` were read from."""
        self._path = path
        self._keys = keys
        self._meters = meters
        self._seen: str | list[str] | None = None
        """The text, or what was wrong, at the last look."""

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Take the file up if it has changed; what is wrong with it is said once."""
        try:
            text = await asyncio.to_thread(read_text, self._path)
        except OSError as error:
            self._refuse([f"expected a readable file: {error.strerror}"])
        except KeyFileError as error:
            self._refuse(error.problems)
        else:
            if text != self._seen:
                self._seen = text
                await self._load(text)

    async def _load(self, text: str) -> None:
        try:
            ring = await asyncio.to_thread(parse, text)
        except KeyFileError as error:
            self._refuse(error.problems, text)
            return
        self._meters.loaded(len(ring.keys))
        if ring != self._keys.ring:
            self._keys.ring = ring
            log.info("the API keys have changed", extra={"path": str(self._path), "keys": len(ring.keys)})

    def _refuse(self, problems: list[str], text: str | None = None) -> None:
        seen: str | list[str] = problems if text is None else text
        if text is not None or seen != self._seen:
            self._seen = seen
            self._meters.refused()
            log.error(
                "the key file is not as expected: the keys read before stay in force",
                extra={"path": str(self._path), "problems": problems},
            )
