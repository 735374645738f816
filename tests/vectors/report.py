"""Runs the checks over a vectors file and counts: checked, mismatched, and those that no check is known for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.format.errors import FormatError
from tests.vectors import bep42_checks, key_checks, message_checks, packet_checks, record_checks, scout2_checks
from tests.vectors.document import Document, MismatchError, UncheckableError, Vector, is_comment

Check = Callable[[Vector], None]
"""Raises MismatchError, UncheckableError or MalformedFileError; words for the report go to the vector's notes."""

CHECKS: dict[str, Check] = {
    "keypairs": key_checks.keypair,
    "key_exchange": key_checks.key_exchange,
    "key_exchange_low_order": key_checks.key_exchange_low_order,
    "shared_secret_to_ed25519": key_checks.shared_secret_to_ed25519,
    "entries_serialize": record_checks.entries_serialize,
    "entries_256_count_wraps": record_checks.count_wraps,
    "serialize_into_1000_byte_buffer": record_checks.serialize_into_buffer,
    "entries_parse": record_checks.entries_parse,
    "encrypt_buffer": record_checks.encrypt_buffer,
    "decrypt_buffer": record_checks.decrypt_buffer,
    "message_dht_blob_write": message_checks.blob_write,
    "message_dht_blob_read": message_checks.blob_read,
    "list_head": message_checks.list_head,
    "list_head_parse": message_checks.list_head_parse,
    "bep44_signature": key_checks.bep44_signature,
    "bep44_published_vectors_through_DhtImpl": key_checks.bep44_published,
    "client_packets": packet_checks.client_packet,
    "dht_dat_example": packet_checks.saved_state,
    "bep42_prefix_crc32c": bep42_checks.prefix,
    "pairs": scout2_checks.pair,
    "groups": scout2_checks.group,
    "passphrases": scout2_checks.passphrase,
    "records": scout2_checks.record,
    "merges": scout2_checks.merges,
    "messages": scout2_checks.message,
}
PREFIXED: dict[str, Check] = {"hardened_id_": bep42_checks.hardened_id}
"""Sections whose names carry a figure of their own."""
KEYED = {"client_packets"}
"""Sections whose members are vectors, by name."""


@dataclass
class SectionResult:
    """What became of one section."""

    name: str
    checked: int = 0
    unknown: int = 0
    mismatches: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    """Where ours differs on purpose -> how many vectors say so."""


def run(document: Document) -> list[SectionResult]:
    """Check every section. Raises MalformedFileError when a vector lacks what its section's vectors have."""
    return [_section(document, name) for name in document.sections if not is_comment(name)]


def _section(document: Document, name: str) -> SectionResult:
    result = SectionResult(name)
    check = _check_for(name)
    for vector in _vectors(document, name):
        if check is None:
            result.unknown += 1
        else:
            _apply(check, vector, result)
    return result


def _apply(check: Check, vector: Vector, result: SectionResult) -> None:
    try:
        check(vector)
    except UncheckableError:
        result.unknown += 1
        return
    except MismatchError as error:
        result.mismatches.append(f"{vector.section}[{vector.index}]: {error}")
    except FormatError as error:
        # our code refuses what the file says it accepts
        result.mismatches.append(f"{vector.section}[{vector.index}]: refused with {type(error).__name__}: {error}")
    result.checked += 1
    for note in vector.notes:
        result.notes[note] = result.notes.get(note, 0) + 1


def _check_for(name: str) -> Check | None:
    if name in CHECKS:
        return CHECKS[name]
    return next((check for prefix, check in PREFIXED.items() if name.startswith(prefix)), None)


def _vectors(document: Document, name: str) -> Iterator[Vector]:
    section: Any = document.sections[name]
    if isinstance(section, list):
        members: dict[str, Any] = {str(index): value for index, value in enumerate(section)}
    elif name in KEYED and isinstance(section, dict):
        members = {member: value for member, value in section.items() if not is_comment(member)}
    else:
        members = {"0": section}
    for index, value in members.items():
        yield Vector(name, index, value, document)
