# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as a TOML file describes it: sweeps, each with axes, fixed options, and the facts that its table shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import read_toml
from acceptlab.analysis.report.matrix.columns import COLUMNS, DEFAULT_COLUMNS
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.matrix.axes import (
    Axes,
    Pattern,
    Value,
    combinations,
    count_at_most,
    names_of,
)
from acceptlab.toolkit.matrix.cover import PAIRS, covering
from acceptlab.toolkit.run.option_table import OPTIONS, checked_options, field_of
from acceptlab.toolkit.run.options import RunOptions

MOST_CELLS = 4096
"""More than anybody waits for; a spec that asks for more has a slip in it."""
MOST_COVERED = 1 << 17
"""Combinations of which a few are chosen, which takes seconds for so many."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: the value of every axis by name, and the whole of its options."""

    labels: Mapping[str, str]
    options: RunOptions


@dataclass(frozen=True)
class Sweep:
    """One question, its runs, and the facts that answer it."""

    name: str
    question: str
    axes: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Spec:
    """A whole spec. `title` is a line for people, `name` one word for folders."""

    name: str
    title: str
    sweeps: tuple[Sweep, ...]


def read_spec(path: Path) -> Spec:
    """Read a spec and work out all its cells; raises BadInputError, naming file and place, before anything is run."""
    try:
        data = read_toml(path)
    except FileNotFoundError:
        raise BadInputError(f"no such spec: {path}: give the path of a TOML file") from None
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from None
    except BadInput as error:
        raise BadInputError(str(error)) from None
    try:
        return _spec(data, path)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None


def _spec(data: dict[str, Any], path: Path) -> Spec:
    name = _text(data, "name", path.stem.lower())
    if not _NAME.fullmatch(name):
        raise BadInputError(f"name {name!r}: use lower-case letters, digits, dots and dashes")
    title = _text(data, "title", name)
    common = checked_options(data.get("options", {}), "options")
    if ("sweep" in data) == ("axes" in data):
        raise BadInputError("give either [axes], or [[sweep]] tables")
    known = {"name", "title", "options"}
    if "sweep" in data:
        _only(data, known | {"sweep"}, "the spec")
        tables = _tables(data, "sweep")
    else:
        _only(data, known | {"axes", "include", "exclude", "cover", "columns"}, "the spec")
        tables = [{k: v for k, v in data.items() if k not in known}]
        tables[0] |= {"name": name, "question": title}
    sweeps = tuple(_sweep(table, at, common) for at, table in enumerate(tables, 1))
    names = [sweep.name for sweep in sweeps]
    if len(set(names)) < len(names):
        raise BadInputError("two sweeps have the same name")
    return Spec(name, title, sweeps)


def _sweep(table: dict[str, Any], at: int, common: dict[str, Any]) -> Sweep:
    name = _text(table, "name", f"sweep {at}")
    try:
        _only(
            table,
            {"name", "question", "options", "axes", "include", "exclude", "cover", "columns"},
            "a sweep",
        )
        fixed = _joined(common, checked_options(table.get("options", {}), "options"))
        axes = _axes(table)
        cells = tuple(_cell(one, fixed) for one in _chosen(axes, table.get("cover")))
        if not cells:
            raise BadInputError("no combination is left after the excludes")
        columns = checked_columns(table.get("columns", list(DEFAULT_COLUMNS)))
    except BadInputError as error:
        raise BadInputError(f"{name}: {error}") from None
    return Sweep(name, _text(table, "question", ""), tuple(axes.values), columns, cells)


def _chosen(axes: Axes, cover: Any) -> list[dict[str, Value]]:
    """Return every combination, or with `cover = "pairs"` as few as have every pair of values."""
    if cover not in (None, PAIRS):
        raise BadInputError(f'cover = {cover!r}: "{PAIRS}", or nothing for every combination')
    most = MOST_CELLS if cover is None else MOST_COVERED
    if count_at_most(axes) > most:
        raise BadInputError(f"more than {most} cells")
    every = combinations(axes)
    if cover is None:
        return every
    return [every[index] for index in covering([names_of(one) for one in every])]


def _axes(table: dict[str, Any]) -> Axes:
    given = table.get("axes")
    if not isinstance(given, dict) or not given:
        raise BadInputError("axes: name at least one axis, such as platform = ['snp', 'tdx']")
    values = {axis: _values(axis, listed) for axis, listed in given.items()}
    excludes = [_pattern(one, values) for one in _tables(table, "exclude")]
    includes = [_block(one, values) for one in _tables(table, "include")]
    return Axes(values, excludes, includes)


def _values(axis: str, listed: Any) -> list[Value]:
    if not isinstance(listed, list) or not listed:
        raise BadInputError(f"axis {axis}: must be a list of values")
    values = [_value(axis, one) for one in listed]
    if len({value.name for value in values}) < len(values):
        raise BadInputError(f"axis {axis}: two values of the same name")
    return values


def _value(axis: str, given: Any) -> Value:
    """A scalar sets the option that the axis is named after; a table names itself and sets what it says."""
    option = axis.replace("-", "_")
    if not isinstance(given, dict):
        if option not in OPTIONS:
            raise BadInputError(
                f"axis {axis} is not an option of `acceptlab run`, so each value must be a table: "
                '{ name = "...", accept = "lazy", append = "..." }'
            )
        return Value(_shown(given), checked_options({option: given}, f"axis {axis}"))
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadInputError(f"axis {axis}: a value that is a table needs a name")
    rest = {key: value for key, value in given.items() if key != "name"}
    return Value(name, checked_options(rest, f"axis {axis}, {name}"))


def _block(one: dict[str, Any], axes: Mapping[str, Sequence[Value]]) -> dict[str, list[Value]]:
    """An include: for each axis that it names values of the axis, by name, or new ones."""
    _only(one, set(axes), "include")
    block = {}
    for axis, given in one.items():
        by_name = {value.name: value for value in axes[axis]}
        listed = given if isinstance(given, list) else [given]
        block[axis] = [
            by_name[_shown(v)]
            if not isinstance(v, dict) and _shown(v) in by_name
            else _value(axis, v)
            for v in listed
        ]
    return block


def _pattern(one: dict[str, Any], axes: Mapping[str, Sequence[Value]]) -> Pattern:
    _only(one, set(axes), "exclude")
    if not one:
        raise BadInputError("exclude: name at least one axis")
    wanted = {}
    for axis, given in one.items():
        names = [_shown(v) for v in (given if isinstance(given, list) else [given])]
        unknown = [name for name in names if name not in {v.name for v in axes[axis]}]
        if unknown:
            raise BadInputError(f"exclude: axis {axis} has no value {unknown[0]}")
        wanted[axis] = names
    return Pattern(wanted)


def _cell(combination: Mapping[str, Value], fixed: dict[str, Any]) -> Cell:
    merged = fixed
    for value in combination.values():
        merged = _joined(merged, value.options)
    if "kernel" not in merged:
        raise BadInputError("give a kernel, in the options or as an axis")
    words = {field_of(key): value for key, value in merged.items()}
    labels = {axis: value.name for axis, value in combination.items()}
    try:
        return Cell(labels, RunOptions(**words))
    except BadInputError as error:
        raise BadInputError(f"cell {', '.join(labels.values())}: {error}") from None


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The later option wins; words for the kernel's command line add up."""
    both = {**first, **second}
    if first.get("append") and second.get("append"):
        both["append"] = f"{first['append']} {second['append']}"
    return both


def checked_columns(given: Any) -> tuple[str, ...]:
    """Return the facts that a list names, each once; raises BadInputError for one that there is not."""
    if not isinstance(given, list) or not given:
        raise BadInputError("columns must be a list of facts")
    for name in given:
        if name not in COLUMNS:
            raise BadInputError(f"columns: no fact {name!r}; facts are {', '.join(COLUMNS)}")
    return tuple(dict.fromkeys(given))


def _text(table: dict[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (key in table and not value.strip()):
        raise BadInputError(f"{key} must be a string, got {value!r}")
    return " ".join(value.split())


def _tables(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadInputError(f"{key}: write [[{key}]]")
    return value


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise BadInputError(
            f"{where}: unknown key {unknown[0]!r}; keys are {', '.join(sorted(known))}"
        )


def _shown(value: Any) -> str:
    """The name of a value in tables: as the TOML file has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value) or "none"
