# SPDX-License-Identifier: GPL-2.0-only
"""The options of a run as parameters of a command, made from their declarations (toolkit.run.option)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field
from typing import Annotated, Any

import typer

from acceptlab.toolkit.cli.completers import Completer, one_of
from acceptlab.toolkit.run.option import Option, options_of
from acceptlab.toolkit.run.options import RunOptions

PLATFORMS: tuple[str, ...] = options_of(RunOptions)["platform"][1].choices
"""What --platform takes."""


def choice(key: str) -> dict[str, Any]:
    """Return what makes Typer's Option take one of the words of a run's option, for other commands that have this option."""
    return _one_of(options_of(RunOptions)[key][1].choices)


def offered(key: str) -> Completer:
    """Return what completes the same words as a run's option."""
    return one_of(options_of(RunOptions)[key][1].offered)


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options of a run as parameters, in place of its ``**given``; Typer reads the signature."""
    own = inspect.signature(command, eval_str=True)
    kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
    arguments = [one for one in kept if one.kind is one.POSITIONAL_OR_KEYWORD]
    rest = [one for one in kept if one.kind is not one.POSITIONAL_OR_KEYWORD]
    ours = [_parameter(item, shown) for item, shown in options_of(RunOptions).values()]
    parameters = [*arguments, *ours, *rest]
    command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return command


def options_from(kernel: str, given: dict[str, Any]) -> RunOptions:
    """Return the options of a run from the parameters of a command. Raises BadInputError for a value that no run can have."""
    words: dict[str, Any] = {}
    for key, (item, _) in options_of(RunOptions).items():
        value = given[key]
        words[item.name] = tuple(value or ()) if isinstance(item.default, tuple) else value
    return RunOptions(kernel, **words)


def _parameter(item: Field[Any], shown: Option) -> inspect.Parameter:
    repeated = isinstance(item.default, tuple)
    kind: Any = list[str] | None if repeated else type(item.default)
    names = f"{shown.name}/{shown.off}" if shown.off else shown.name
    words = tuple(dict.fromkeys((*shown.choices, str(item.default))))
    more: dict[str, Any] = _one_of(words) if shown.choices else {"metavar": shown.metavar}
    if shown.offered:
        more["autocompletion"] = one_of(shown.offered)
    declared = typer.Option(
        names, *shown.old_names, help=shown.help, rich_help_panel=shown.group, **more
    )
    return inspect.Parameter(
        shown.key,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if repeated else item.default,
        annotation=Annotated[kind, declared],
    )


def _one_of(words: tuple[str, ...]) -> dict[str, Any]:
    def parse(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(words)}.")
        return text

    return {"parser": parse, "autocompletion": one_of(words), "metavar": f"[{'|'.join(words)}]"}
