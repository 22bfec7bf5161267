# SPDX-License-Identifier: GPL-2.0-only
"""Text of others (a guest, a trace, a mail, a file's name), fit for a terminal: a character that is not printable is escaped."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"[^\n\t\x20-\x7e]")
"""A character that may have to be escaped; everything else is printable ASCII, a line feed or a tab."""


def shown(text: str) -> str:
    """Return a text in one line with every control character, direction mark and undecodable byte escaped, as \\x1b.

    A terminal's escape sequences and marks that turn text round (Unicode category Cf) thus have no effect.
    """
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def shown_lines(text: str) -> str:
    """Return a text with what `shown` escapes, but for its line feeds and tabs."""
    return _ESCAPED.sub(
        lambda found: found[0] if found[0].isprintable() else _escape(found[0]), text
    )


def _escape(one: str) -> str:
    if "\udc80" <= one <= "\udcff":
        return f"\\x{ord(one) - 0xDC00:02x}"  # a byte of a name that is not UTF-8 (PEP 383)
    return one.encode("unicode_escape").decode()
