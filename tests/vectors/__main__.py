"""`python -m tests.vectors FILE`: exit status 0 when all vectors agree, 1 at a mismatch, 2 for no vectors file."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.vectors.document import MalformedFileError, load
from tests.vectors.report import SectionResult, run

AGREED, MISMATCHED, MALFORMED = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Check one file and print the outcome."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.vectors FILE\n")
        return MALFORMED
    try:
        results = run(load(Path(arguments[0])))
    except MalformedFileError as error:
        sys.stderr.write(f"not a vectors file: {error}\n")
        return MALFORMED
    lines = [line for result in results for line in _section_lines(result)]
    checked = sum(result.checked for result in results)
    unknown = sum(result.unknown for result in results)
    mismatches = sum(len(result.mismatches) for result in results)
    lines.append(f"total: {checked} checked, {mismatches} mismatched, {unknown} with no known check")
    sys.stdout.write("\n".join(lines) + "\n")
    return MISMATCHED if mismatches else AGREED


def _section_lines(result: SectionResult) -> list[str]:
    unknown = f", {result.unknown} with no known check" if result.unknown else ""
    return [
        f"{result.name}: {result.checked} checked{unknown}",
        *(f"  differs on purpose ({count}): {note}" for note, count in result.notes.items()),
        *(f"  MISMATCH {mismatch}" for mismatch in result.mismatches),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
