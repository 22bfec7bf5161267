# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a table that the shell's completion can read without Typer: commands, options, and the words that they take.

To load every command takes a second, and Typer alone more than a keystroke may wait. The table is made once, in the cache, and again
when a file of the program has changed.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from acceptlab.toolkit.cli.completers import LIVE
from acceptlab.toolkit.places import CHECKOUT, cache

Table = dict[str, Any]
"""Of a command: ``help``, ``options`` by name, ``arguments`` in order, ``commands`` of a group by name.

An option or argument has ``words`` that it takes, or ``live``, the completer to call; an option has ``takes_value`` and ``help``, and
both have ``many`` where they may be repeated.
"""


def table() -> Table:
    """Return the table of this program, from the cache where it is of these files. Without Typer at hand, raises ImportError."""
    path = cache() / f"completion-{_digest(str(CHECKOUT))}.json"
    state = _state()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["state"] == state:
            return dict(stored["table"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or one that was cut off
    made = _made()
    _store(path, {"state": state, "table": made})
    return made


def _store(path: Path, value: Table) -> None:
    """Write the table, whole or not at all; a cache that cannot be written costs time, no more."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(value), encoding="utf-8")
        beside.replace(path)
    except OSError:
        return


def _state() -> str:
    """Return a checksum of name, size and time of every file that the table depends on."""
    files = sorted(_modules(CHECKOUT / "toolkit")) + sorted(_modules(CHECKOUT / "analysis" / "run"))
    return _digest(repr(files))


def _modules(folder: Path) -> Iterator[tuple[str, int, int]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _modules(Path(entry.path))
        elif entry.name.endswith(".py"):
            about = entry.stat()
            yield entry.path, about.st_size, about.st_mtime_ns


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _made() -> Table:
    import typer

    from acceptlab.toolkit.cli.typer_app import whole_app

    made = _of_command(typer.main.get_command(whole_app()), None)
    version = {"words": [], "many": False, "takes_value": False, "help": "Print the version."}
    return made | {"options": {"--version": version, **made["options"]}}


def _of_command(command: Any, parent: Any) -> Table:
    context = command.make_context(command.name, [], parent=parent, resilient_parsing=True)
    live = _live_of(command)
    options: Table = {}
    arguments = []
    for parameter in command.get_params(context):
        known = _values(parameter, context, live.get(parameter.name))
        if parameter.param_type_name == "argument":
            arguments.append(known)
        elif not parameter.hidden:
            known |= {"help": _line(parameter.help), "takes_value": not parameter.is_flag}
            options |= dict.fromkeys((*parameter.opts, *parameter.secondary_opts), known)
    subcommands = getattr(command, "commands", {})
    return {
        "help": _line(command.short_help or command.help),
        "options": options,
        "arguments": arguments,
        "commands": {
            name: _of_command(one, context) for name, one in subcommands.items() if not one.hidden
        },
    }


def _values(parameter: Any, context: Any, live: str | None) -> Table:
    many = parameter.nargs == -1 or bool(getattr(parameter, "multiple", False))
    if live:
        return {"live": live, "many": many}
    offered = parameter.shell_complete(context, "")
    return {"words": [str(one.value) for one in offered], "many": many}


def _live_of(command: Any) -> dict[str, str]:
    """Return, by parameter, the completers that are called again each time."""
    from typer.utils import get_params_from_function

    if command.callback is None:
        return {}
    declared = get_params_from_function(inspect.unwrap(command.callback))
    names: dict[Callable[..., Any], str] = {one: name for name, one in LIVE.items()}
    found = {name: getattr(one.default, "autocompletion", None) for name, one in declared.items()}
    return {name: names[one] for name, one in found.items() if one in names}


def _line(text: str | None) -> str:
    """Return the first sentence of a help text, in one line."""
    return " ".join((text or "").partition("\n\n")[0].split())
