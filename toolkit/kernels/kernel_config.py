# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's configuration: a target of kbuild and fragments on top, and whether every option of them stuck."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError

TARGETS = ("tinyconfig", "defconfig", "allnoconfig")
_SET = re.compile(r"^CONFIG_(?P<name>[A-Za-z0-9_]+)=(?P<value>.*)$")
_UNSET = re.compile(r"^# CONFIG_(?P<name>[A-Za-z0-9_]+) is not set$")
_VALUE = re.compile(r'^(y|m|n|-?[0-9]+|0x[0-9a-fA-F]+|"(?:[^"\\]|\\.)*")$')


@dataclass(frozen=True)
class Configuration:
    """A target of kbuild, and files with options on top of it, later ones after earlier ones."""

    target: str
    fragments: tuple[Path, ...]

    def digest(self) -> str:
        """Return one word for the target and the fragments' options."""
        words = [self.target, *(f"{name}={value}" for name, value in self.wanted().items())]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]

    def wanted(self) -> dict[str, str]:
        """Return what the fragments ask for, by option without CONFIG_; "n" is off.

        Raises BadInputError for a line that is not an option, and when two fragments contradict each other.
        """
        wanted: dict[str, str] = {}
        said_by: dict[str, Path] = {}
        for fragment in self.fragments:
            for name, value in read_fragment(fragment).items():
                if wanted.get(name, value) != value:
                    raise BadInputError(
                        f"CONFIG_{name} is {wanted[name]} in {said_by[name]} and {value} in {fragment}: remove one of them"
                    )
                wanted[name], said_by[name] = value, fragment
        return wanted


def read_fragment(path: Path) -> dict[str, str]:
    """Return a fragment's options; raises BadInputError naming the line that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError(f"no configuration fragment {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot read the configuration fragment {path}: {error}") from None
    found: dict[str, str] = {}
    for at, line in enumerate(text.splitlines(), 1):
        option = _option(line.strip())
        if option is None:
            raise BadInputError(
                f"{path}:{at}: {line.strip()[:60]!r} is not an option: write CONFIG_NAME=y, or # CONFIG_NAME is not set"
            )
        if option and found.get(option[0], option[1]) != option[1]:
            raise BadInputError(
                f"{path}:{at}: CONFIG_{option[0]} is set twice, with different values"
            )
        found.update([option] if option else [])
    return found


def _option(line: str) -> tuple[str, str] | tuple[()] | None:
    """Return (name, value) of a line, () for one that says nothing, None for one that is wrong."""
    unset, given = _UNSET.match(line), _SET.match(line)
    if unset:
        return unset["name"], "n"
    if not line or line.startswith("#"):
        return ()
    if given and _VALUE.match(given["value"]):
        return given["name"], given["value"]
    return None


def options_of(config: str) -> dict[str, str]:
    """Return the options of a whole .config that are on or have a value."""
    return {m["name"]: m["value"] for line in config.splitlines() if (m := _SET.match(line))}


def not_stuck(wanted: Mapping[str, str], config: Mapping[str, str]) -> list[str]:
    """Return the options that have another value in the finished configuration than was asked for, in order of wish."""
    return [name for name, value in wanted.items() if config.get(name, "n") != value]


def fragment_text(wanted: Mapping[str, str]) -> str:
    """Return options as a .config has them."""
    return "".join(line(name, value) for name, value in wanted.items())


def line(name: str, value: str) -> str:
    """Return one option as a line of a .config."""
    return f"# CONFIG_{name} is not set\n" if value == "n" else f"CONFIG_{name}={value}\n"
