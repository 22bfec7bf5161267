# SPDX-License-Identifier: GPL-2.0-only
"""Text of others inside HTML: no markup, and no control character or direction mark."""

from __future__ import annotations

import html

from acceptlab.analysis.printable import shown_lines


def escape(text: str) -> str:
    """Return a text as HTML that shows it, quotes included, with what is not printable escaped as \\x1b."""
    return html.escape(shown_lines(text))
