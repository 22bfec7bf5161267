# SPDX-License-Identifier: GPL-2.0-only
"""The Typer application: commands by name, and the code of those that are wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from acceptlab.toolkit.cli.command_table import Command, all_commands, find
from acceptlab.toolkit.cli.help_text import help_of

if TYPE_CHECKING:
    import typer


def app_for(words: Sequence[str]) -> typer.Typer:
    """Return the application with all commands by name, and with the code of the one that ``words`` have first.

    Where they begin with it, the others are left out, all but one: Typer makes each of them in each call, which takes longer than to import the one.
    Shell completion has the words in COMP_WORDS instead.
    """
    words = os.environ.get("COMP_WORDS", "").split()[1:] or words
    asked = next((find(word) for word in words if not word.startswith("-")), None)
    if asked and find(words[0]) == asked:
        other = next(one for one in all_commands() if one != asked)
        return _app([asked], [asked, other])  # an application of one command would have no names
    return _app([asked] if asked else [], all_commands())


def whole_app() -> typer.Typer:
    """Return the application with the code of every command."""
    return _app(all_commands(), all_commands())


def _app(loaded: Sequence[Command], named: Sequence[Command]) -> typer.Typer:
    import typer

    app = typer.Typer(
        name="acceptlab",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        # color: click is not to remove escape sequences from a pipe's text; they are shown escaped (streams.py).
        context_settings={"help_option_names": ["-h", "--help"], "color": True},
    )
    for command in named:
        if command in loaded:
            _add(app, command, command.load())
        else:
            app.command(command.name, help=command.help)(_unloaded)
    return app


def _add(app: typer.Typer, command: Command, loaded: Any) -> None:
    """Add a command under its name, and hidden under its old ones; a group of commands likewise."""
    import typer

    for name in (command.name, *command.old_names):
        hidden = name != command.name
        if isinstance(loaded, typer.Typer):
            for one in loaded.registered_commands:
                one.help = help_of(one.callback) if one.callback else one.help
            app.add_typer(loaded, name=name, hidden=hidden)
        else:
            epilog = f"Example: {command.example}" if command.example else None
            app.command(name, help=help_of(loaded), epilog=epilog, hidden=hidden)(loaded)


def _unloaded() -> None:
    """Stand for a command whose module is not loaded: its name and help are all that is needed."""
