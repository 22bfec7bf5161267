# SPDX-License-Identifier: GPL-2.0-only
"""What every command has: help with an example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from acceptlab.toolkit.cli.whole_app import app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the words of every command below a group."""
    for name, command in group.commands.items():
        if command.hidden:
            continue  # the name of an earlier release
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


EVERY = list(commands(typer.main.get_command(app)))


def test_the_commands_are_found() -> None:
    assert {("run",), ("replay",), ("kernel", "fetch")} <= set(EVERY)


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_s_help_has_an_example(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert f"Example: acceptlab {' '.join(command)}" in " ".join(done.stdout.split())
