# SPDX-License-Identifier: GPL-2.0-only
"""Options of `acceptlab run` as one text, for commands that make runs: read as the command line itself is."""

from __future__ import annotations

import shlex
from typing import Any

import typer

from acceptlab.toolkit.cli.run_parameters import options_from, with_run_options
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions

_USAGE: Any = typer.BadParameter.__base__
"""UsageError, of click or of Typer's own copy of it: the version decides."""


def options_of_words(text: str, option: str) -> RunOptions:
    """Return the options of a run that a text says, without a kernel. Raises BadInputError, which begins with ``option``."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInputError(f"{option}: {error}") from None

    def nothing(**given: object) -> None:
        """Stand for `run`: only its parameters are read."""

    app = typer.Typer(add_completion=False)
    app.command()(with_run_options(nothing))
    try:
        context = typer.main.get_command(app).make_context(option, words)
    except _USAGE as error:
        raise BadInputError(f"{option}: {error.format_message()}") from None
    return options_from("", context.params)
