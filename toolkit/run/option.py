# SPDX-License-Identifier: GPL-2.0-only
"""How an option of `acceptlab run` is declared: once, as a field of RunOptions.

The command line, the keys of TOML specs, the cache key of a run, the shell line that reproduces it, and the list of options that
real hardware refuses are all derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any

GUEST = "Guest"
FIRMWARE = "Firmware"
HOST = "Host"
KERNEL = "Kernel"
WORKLOAD = "Workload"
RECORDING = "Recording"
OUTPUT = "Output"
"""Groups of `run --help`, in its order."""


@dataclass(frozen=True)
class Option:
    """What users see of a field of RunOptions."""

    name: str
    """With its dashes, such as ``--host-backing``."""
    help: str
    group: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    """The words that it takes; empty: any."""
    offered: tuple[str, ...] = ()
    """Words that the shell offers, where others are taken too."""
    inner_choices: tuple[str, ...] = ()
    """Words that our own code may give besides, and no user."""
    off: str = ""
    """Of a switch that is on by default: the option that turns it off."""
    old_names: tuple[str, ...] = ()
    """Names of earlier releases, still taken."""
    emulator_only: bool = False
    """Whether real hosts and real firmware have no such thing."""
    always_shown: bool = False
    """Whether the line that reproduces a run has it even at its default."""
    part_of_run: bool = True
    """Whether it changes what the guest does: if not, it is no part of a run's cache key."""
    portable: Callable[[str], str] = str
    """Makes a value mean the same from any folder."""
    portable_without: str = ""
    """The field that, where it is given, makes the value one of the guest, which means the same anyway."""

    @property
    def key(self) -> str:
        """Return the name in TOML specs and as a Python parameter: ``host_backing``."""
        return self.name.lstrip("-").replace("-", "_")


def option(default: Any, name: str, text: str, group: str, **more: Any) -> Any:
    """Return a dataclass field that is set by the option ``name``."""
    return field(default=default, metadata={"option": Option(name, text, group, **more)})


def options_of(declared: type) -> dict[str, tuple[Field[Any], Option]]:
    """Return the options of a class by key, each with its field."""
    found = ((item, item.metadata.get("option")) for item in fields(declared))
    return {shown.key: (item, shown) for item, shown in found if shown is not None}


def words_of(asked: Any, declared: type) -> list[str]:
    """Return the command line's words for every option that differs from its default or is always shown."""
    words: list[str] = []
    for item, shown in options_of(declared).values():
        value = getattr(asked, item.name)
        if value != item.default or shown.always_shown:
            of_guest = bool(shown.portable_without and getattr(asked, shown.portable_without))
            words += _words(shown, value, str if of_guest else shown.portable)
    return words


def values_of(words: Sequence[str], declared: type) -> dict[str, Any]:
    """Return the fields that the command line's words set: what `words_of` gave, read back.

    Raises ValueError for an unknown option, a wrong value, and an option that lacks its value.
    """
    known = {name: one for one in options_of(declared).values() for name in _names(one[1])}
    values: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word not in known:
            raise ValueError(f"{word} is not an option")
        item, shown = known[word]
        if isinstance(item.default, bool):
            values[item.name] = word != shown.off
            continue
        value = next(rest, None)
        if value is None:
            raise ValueError(f"{word} lacks its value")
        if isinstance(item.default, tuple):
            values[item.name] = (*values.get(item.name, ()), value)
        else:
            kind: Any = type(item.default)
            values[item.name] = kind(value)
    return values


def _names(shown: Option) -> list[str]:
    return [name for name in (shown.name, shown.off, *shown.old_names) if name]


def _words(shown: Option, value: Any, portable: Callable[[str], str]) -> list[str]:
    if isinstance(value, bool):
        return [shown.name if value else shown.off]
    if isinstance(value, tuple):
        return [word for one in value for word in (shown.name, portable(one))]
    return [shown.name, f"{value:g}" if isinstance(value, float) else portable(str(value))]


def refused(asked: Any, declared: type) -> Sequence[str]:
    """Return the options in use that only the emulator has."""
    return [
        shown.name
        for item, shown in options_of(declared).values()
        if shown.emulator_only and getattr(asked, item.name) != item.default
    ]
