"""Does a secret show in some bytes: as it is, or in one of the spellings that programs give to bytes?"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping


def spellings(secret: bytes) -> dict[str, bytes]:
    """The forms to search for; those in base64 are cut to what does not depend on the bytes around them."""
    found = {
        "raw": secret,
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "repr": repr(secret)[2:-1].encode(),
    }
    for shift in range(3):
        # a base64 digit holds 6 bits: leave out the digits that also hold bits of the neighbours
        digits = base64.b64encode(bytes(shift) + secret).rstrip(b"=")
        core = digits[(0, 2, 3)[shift] : len(digits) - ((shift + len(secret)) % 3 != 0)]
        found[f"base64+{shift}"] = core
        found[f"base64url+{shift}"] = core.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def leaks(places: Mapping[str, bytes], secrets: Iterable[bytes]) -> list[str]:
    """Where which secret shows, by its number, never by its bytes: a report must not leak either."""
    return [
        f"secret {number} as {form} in {place}"
        for number, secret in enumerate(secrets)
        for spelling, form in {spelling: form for form, spelling in spellings(secret).items()}.items()
        for place, content in places.items()
        if spelling in content
    ]
