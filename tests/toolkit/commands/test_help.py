# SPDX-License-Identifier: GPL-2.0-only
"""What every command has: help with an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import click.testing
import pytest
import typer

from acceptlab.toolkit.cli.help_text import literal
from acceptlab.toolkit.cli.whole_app import app
from acceptlab.toolkit.run.option import (
    FIRMWARE,
    GUEST,
    HOST,
    KERNEL,
    OUTPUT,
    RECORDING,
    WORKLOAD,
)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the words of every command below a group."""
    for name, command in group.commands.items():
        if command.hidden:
            continue  # the name of an earlier release
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


WHOLE = typer.main.get_command(app)
EVERY = list(commands(WHOLE))


def test_the_commands_are_found() -> None:
    assert {("run",), ("replay",), ("kernel", "fetch")} <= set(EVERY)


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_s_help_has_an_example(command: tuple[str, ...]) -> None:
    assert f"Example: acceptlab {' '.join(command)}" in " ".join(shown(command).split())


@cache
def shown(command: tuple[str, ...], width: str = "1000") -> str:
    """The help of a command on a terminal of that width, without the boxes."""
    done = click.testing.CliRunner().invoke(
        WHOLE, [*command, "--help"], env={"COLUMNS": width, "TERMINAL_WIDTH": width}
    )
    assert done.exit_code == 0
    return "\n".join(" ".join(line.strip("│ ").split()) for line in done.stdout.splitlines())


def command_of(path: tuple[str, ...]) -> Any:
    found: Any = WHOLE
    for word in path:
        found = found.commands[word]
    return found


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_sentence_is_whole_and_no_bracket_is_lost(path: tuple[str, ...]) -> None:
    """A paragraph of a docstring is one line where there is room, whatever the docstring's own lines are."""
    function = inspect.unwrap(command_of(path).callback)
    text = shown(path)
    for paragraph in (inspect.getdoc(function) or "").split("\n\n"):
        whole, *own_lines = re.split(r"\n  +", paragraph)
        assert " ".join(whole.split()) in text
        assert all(line in text for line in own_lines)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_option_s_help_is_shown_as_it_is_written(path: tuple[str, ...]) -> None:
    text = shown(path)
    for parameter in command_of(path).params:
        if getattr(parameter, "help", None) and not getattr(parameter, "hidden", False):
            assert " ".join(parameter.help.split()) in text


def test_brackets_are_no_markup() -> None:
    assert "The table [check] of series.toml" in shown(("series", "check"))
    assert literal("a [b] \\[c] [/d] [1]") == "a \\[b] \\[c] \\[/d] [1]"


def test_the_options_of_run_are_in_groups() -> None:
    text = shown(("run",))
    groups = re.findall(r"^╭─ (\w+) ─", text, re.MULTILINE)
    ours = [GUEST, FIRMWARE, HOST, KERNEL, WORKLOAD, RECORDING, OUTPUT]
    assert [one for one in groups if one in ours] == ours
    assert set(groups) - set(ours) == {"Arguments", "Options"}
