# SPDX-License-Identifier: GPL-2.0-only
"""Options of a run as a table of a TOML file has them: keys as on the command line, values of the option's type."""

from __future__ import annotations

from typing import Any

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.option import options_of
from acceptlab.toolkit.run.options import RunOptions

_DECLARED = options_of(RunOptions)
OPTIONS = (frozenset(_DECLARED) | {"kernel"}) - {"events"}
"""Keys of a table: the options of `acceptlab run`, and the kernel."""
_OLD = {
    old.lstrip("-").replace("-", "_"): key
    for key, (_, shown) in _DECLARED.items()
    for old in shown.old_names
}
"""Keys of earlier releases."""


def field_of(key: str) -> str:
    """Return the name in RunOptions of a key."""
    return _DECLARED[key][0].name if key in _DECLARED else key


def checked_options(given: Any, where: str) -> dict[str, Any]:
    """Return the options of a table by key; raises BadInputError, with `where` in front, for a key or value that is none."""
    if not isinstance(given, dict):
        raise BadInputError(f"{where} must be a table of options")
    found = {}
    for key, value in given.items():
        option = key.replace("-", "_")
        option = _OLD.get(option, option)
        if option not in OPTIONS:
            known = ", ".join(sorted(OPTIONS)).replace("_", "-")
            raise BadInputError(f"{where}: {key} is not an option of a run; options are {known}")
        found[option] = _typed(option, value, where)
        allowed = _DECLARED[option][1].choices if option in _DECLARED else ()
        if allowed and found[option] not in allowed:
            raise BadInputError(f"{where}: {key} = {value!r}: must be one of {', '.join(allowed)}")
    return found


def _typed(option: str, value: Any, where: str) -> Any:
    default = _DECLARED[option][0].default if option in _DECLARED else ""
    if isinstance(default, tuple):
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise BadInputError(f"{where}: {option} must be a string or a list of strings")
        return tuple(listed)
    wanted = type(default)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        names = {int: "an integer", bool: "true or false", float: "a number", str: "a string"}
        raise BadInputError(f"{where}: {option} must be {names[wanted]}, got {value!r}")
    return value
