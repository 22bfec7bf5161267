# SPDX-License-Identifier: GPL-2.0-only
"""A command called through Typer, in this process: with the code of that one command, as a user's call has it."""

from __future__ import annotations

from collections.abc import Sequence

from typer.testing import CliRunner, Result

from acceptlab.toolkit.cli.typer_app import app_for


def invoke(words: Sequence[str]) -> Result:
    """Call the command with the words behind `acceptlab`; return its exit code, what it printed, and its exception."""
    return CliRunner().invoke(app_for(words), words)
