# SPDX-License-Identifier: GPL-2.0-only
"""Text of others, fit for a terminal: what is no printable character is shown by its escape."""

from __future__ import annotations


def shown(text: str) -> str:
    """Return a text in one line with every control character, direction mark and undecodable byte escaped, as \\x1b.

    A terminal's escape sequences and marks that turn text round (Unicode category Cf) thus do nothing.
    """
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(one: str) -> str:
    if "\udc80" <= one <= "\udcff":
        return f"\\x{ord(one) - 0xDC00:02x}"  # a byte of a name that is not UTF-8 (PEP 383)
    return one.encode("unicode_escape").decode()
