# SPDX-License-Identifier: GPL-2.0-only
"""Help texts of commands, from their docstrings, as Typer is to show them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

_TAG = re.compile(r"\\?\[(?=[a-z#/@])")
"""What rich takes for the begin of markup (its own rule), optionally escaped already."""


def help_of(command: Callable[..., Any]) -> str:
    """Return a command's docstring: each paragraph in one line, which the terminal's width breaks; brackets are no markup.

    A line of a docstring that is set off by two spaces or more stays a line of its own.
    """
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(literal(_joined(one)) for one in paragraphs)


def _joined(paragraph: str) -> str:
    text = ""
    for line in paragraph.splitlines():
        between = "\n" if line.startswith("  ") else " "
        text = f"{text}{between}{line.strip()}" if text else line.strip()
    return text


def literal(text: str) -> str:
    """Return a text in which rich finds no markup: ``[check]`` is the name of a table, and no colour."""
    return _TAG.sub(r"\\[", text)
