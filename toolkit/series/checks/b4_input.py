# SPDX-License-Identifier: GPL-2.0-only
"""A b4 check command's input: one mail on stdin, and which patch of a series it is."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.message import Message, hunks


def numbers_of(mail: Message, patches: Sequence[Message]) -> list[int]:
    """Return the patch that the mail is, by number; all of them when it is a cover letter.

    Raises BadInputError when the series has no such patch, or has it in another version.
    """
    if not mail.has_diff:
        return list(range(1, len(patches) + 1))
    changes = _changes(mail)
    same = [number for number, patch in enumerate(patches, 1) if _changes(patch) == changes]
    if same:
        return same[:1]
    if any(patch.subject == mail.subject for patch in patches):
        raise BadInputError(
            f"the series' version of {mail.subject!r} differs from the mail: check the version that b4 has"
        )
    raise BadInputError(f"{mail.subject!r} is not a patch of the series")


def _changes(patch: Message) -> list[tuple[str, list[str]]]:
    """Return what a patch adds and removes, file by file; where in the file does not count."""
    return [
        (hunk.file, [line.rstrip() for line in hunk.text.splitlines() if line[:1] in "+-"])
        for hunk in hunks(patch.patch)
    ]
