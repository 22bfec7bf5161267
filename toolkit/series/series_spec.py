# SPDX-License-Identifier: GPL-2.0-only
"""`series.toml`: the name of a series, its base, how to configure it, and which kernels to compare it with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import read_toml
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.kernel_config import TARGETS, Configuration
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.run.option_table import checked_options, field_of
from acceptlab.toolkit.run.options import RunOptions

FILE = "series.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~:-]*")
_TYPE = re.compile(r"[A-Z0-9_]+")
_POLICIES = {"lazy": "accept_memory=lazy", "eager": "accept_memory=eager"}
"""What kernels since 6.5 offer (Documentation/admin-guide/kernel-parameters.txt)."""
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DebianBase:
    """A binary package of Debian that holds a kernel's source (`linux-source-6.1`), in one version."""

    package: str
    version: str


@dataclass(frozen=True)
class GitBase:
    """A commit (anything that `git rev-parse` takes) of a repository on this machine."""

    repository: Path
    commit: str


@dataclass(frozen=True)
class TarballBase:
    """A kernel's source as a tarball; `sha256` in hex, or "" when any content will do."""

    file: Path
    sha256: str


@dataclass(frozen=True)
class NoBase:
    """A base that is not given; `why` says so, and what to do."""

    why: str


Base = DebianBase | GitBase | TarballBase | NoBase


@dataclass(frozen=True)
class Boot:
    """A boot that a check does besides the usual ones, on each of `platforms` (empty: on all that are checked).

    `options` are those of a run in which it differs, by their names in RunOptions.
    """

    name: str
    platforms: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """What a check lets pass: message types of checkpatch, and console lines (regular expressions); and what else it boots."""

    checkpatch_ignore: tuple[str, ...] = ()
    console_allow: tuple[str, ...] = ()
    boots: tuple[Boot, ...] = ()


@dataclass(frozen=True)
class Functions:
    """Kernel functions of the series' own, by name. ``skip`` only carry out an accept: its cause is the function that called them.

    A call of one of ``waits`` waits for the memory that it accepts.
    """

    skip: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """Return what run.json's `series` says of them; kinds of which there are none are left out."""
        listed = {"skip": list(self.skip), "waits": list(self.waits)}
        return {kind: names for kind, names in listed.items() if names}


@dataclass(frozen=True)
class Spec:
    """What series.toml says; all paths absolute. `compare` holds kernels as `acceptlab run` names them."""

    name: str
    title: str
    base: Base
    config: Configuration | None
    """None: what guests need, by what the base's tree has (toolkit.kernels.own_tree)."""
    compare: tuple[str, ...] = ()
    policies: Mapping[str, str] = field(default_factory=lambda: dict(_POLICIES))
    """Ways to accept memory that the series offers: a name, and the words for the kernel's command line."""
    rules: Rules = Rules()
    functions: Functions = Functions()


def read_spec(path: Path) -> Spec:
    """Read a series.toml; raises BadInputError with the file and the first mistake in one line."""
    try:
        data = read_toml(path)
    except FileNotFoundError:
        raise BadInputError(f"no file {path}: a series needs it to name the base") from None
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from None
    except BadInput as error:
        raise BadInputError(str(error)) from None
    try:
        return spec_of(data, path.resolve().parent)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None


def spec_of(data: dict[str, Any], folder: Path) -> Spec:
    """Return the spec that a parsed series.toml in `folder` stands for."""
    _only(
        data,
        ("name", "title", "base", "config", "compare", "policies", "functions", "check"),
        "the file",
    )
    name = _text(data, "name", "the file")
    if not _NAME.fullmatch(name):
        raise BadInputError(f"name {name!r}: use lower-case letters, digits, dots and dashes")
    title = _text(data, "title", "the file")
    compare = _table(data, "compare", optional=True)
    _only(compare, ("kernels",), "[compare]")
    return Spec(
        name,
        title,
        _base(_table(data, "base"), folder),
        _config(_table(data, "config", optional=True), folder),
        tuple(_texts(compare, "kernels", "[compare]")),
        _policies(_table(data, "policies", optional=True)),
        _rules(_table(data, "check", optional=True)),
        _functions(_table(data, "functions", optional=True)),
    )


def _base(table: dict[str, Any], folder: Path) -> Base:
    kinds: dict[str, Callable[[dict[str, Any], Path], Base]] = {
        "debian": _debian,
        "git": _git,
        "tarball": _tarball,
    }
    given = [kind for kind in kinds if kind in table]
    if len(given) != 1:
        raise BadInputError(f"[base]: give exactly one of {', '.join(kinds)}")
    return kinds[given[0]](table, folder)


def _debian(table: dict[str, Any], folder: Path) -> Base:  # noqa: ARG001 (as the others)
    _only(table, ("debian", "version"), "[base]")
    package, version = _text(table, "debian", "[base]"), _text(table, "version", "[base]")
    if not _PACKAGE.fullmatch(package):
        raise BadInputError(f"[base]: {package!r} is not a Debian package name")
    if not _VERSION.fullmatch(version):
        raise BadInputError(f"[base]: {version!r} is not a Debian package version")
    return DebianBase(package, version)


def _git(table: dict[str, Any], folder: Path) -> Base:
    _only(table, ("git", "commit"), "[base]")
    commit = _text(table, "commit", "[base]")
    if commit.startswith("-"):
        raise BadInputError(f"[base]: {commit!r} is not a commit")
    return GitBase(_path(_text(table, "git", "[base]"), folder), commit)


def _tarball(table: dict[str, Any], folder: Path) -> Base:
    _only(table, ("tarball", "sha256"), "[base]")
    sha256 = _text(table, "sha256", "[base]").lower() if "sha256" in table else ""
    if sha256 and not _SHA256.fullmatch(sha256):
        raise BadInputError("[base]: sha256 must be 64 hexadecimal digits")
    return TarballBase(_path(_text(table, "tarball", "[base]"), folder), sha256)


def _config(table: dict[str, Any], folder: Path) -> Configuration | None:
    _only(table, ("target", "fragments"), "[config]")
    target = _text(table, "target", "[config]") if "target" in table else TARGETS[0]
    if target not in TARGETS:
        raise BadInputError(f"[config]: target = {target!r}: must be one of {', '.join(TARGETS)}")
    fragments = tuple(_path(one, folder) for one in _texts(table, "fragments", "[config]"))
    return Configuration(target, fragments) if fragments or "target" in table else None


def _policies(table: dict[str, Any]) -> dict[str, str]:
    for name in table:
        if not _NAME.fullmatch(name):
            raise BadInputError(
                f"[policies]: {name!r}: use lower-case letters, digits, dots and dashes"
            )
    return {name: _text(table, name, "[policies]") for name in table} or dict(_POLICIES)


def _rules(table: dict[str, Any]) -> Rules:
    _only(table, ("checkpatch_ignore", "console_allow", "boots"), "[check]")
    ignored = _texts(table, "checkpatch_ignore", "[check]")
    for one in ignored:
        if not _TYPE.fullmatch(one):
            raise BadInputError(f"[check]: {one!r} is not a checkpatch message type")
    allowed = _texts(table, "console_allow", "[check]")
    for one in allowed:
        try:
            re.compile(one)
        except re.error as error:
            raise BadInputError(f"[check]: {one!r} is not a regular expression: {error}") from None
    return Rules(tuple(ignored), tuple(allowed), _boots(table.get("boots", [])))


def _boots(given: Any) -> tuple[Boot, ...]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInputError("[check]: write [[check.boots]]")
    found = tuple(_boot(one) for one in given)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise BadInputError("[[check.boots]]: two boots have the same name")
    return found


def _boot(table: dict[str, Any]) -> Boot:
    name = _text(table, "name", "[[check.boots]]")
    where = f"[[check.boots]] {name!r}"
    platforms = table.get("platform", [])
    listed = [platforms] if isinstance(platforms, str) else platforms
    if not isinstance(listed, list) or not set(listed) <= set(PLATFORMS):
        raise BadInputError(f"{where}: platform must be one of {', '.join(PLATFORMS)}, or a list")
    options = {key: value for key, value in table.items() if key not in ("name", "platform")}
    if "kernel" in options:
        raise BadInputError(f"{where}: the kernels are those of the series; leave kernel out")
    words = {field_of(key): value for key, value in checked_options(options, where).items()}
    try:
        RunOptions("", platform=(listed or list(PLATFORMS))[0], **words)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from None
    return Boot(name, tuple(listed), words)


def _functions(table: dict[str, Any]) -> Functions:
    _only(table, ("skip", "waits"), "[functions]")
    for kind in table:
        for one in _texts(table, kind, "[functions]"):
            if not _FUNCTION.fullmatch(one):
                raise BadInputError(f"[functions]: {kind}: {one!r} is no name of a function")
    return Functions(*(tuple(_texts(table, kind, "[functions]")) for kind in ("skip", "waits")))


def _path(text: str, folder: Path) -> Path:
    return (folder / Path(text).expanduser()).resolve()


def _table(data: dict[str, Any], key: str, optional: bool = False) -> dict[str, Any]:
    if key not in data and not optional:
        raise BadInputError(f"[{key}] is missing")
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise BadInputError(f"{key}: write [{key}]")
    return value


def _text(table: dict[str, Any], key: str, where: str) -> str:
    if key not in table:
        raise BadInputError(f"{where}: {key} is missing")
    value = table[key]
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadInputError(f"{where}: {key} must be a string, got {value!r}")
    return value.strip()


def _texts(table: dict[str, Any], key: str, where: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise BadInputError(f"{where}: {key} must be a list of strings")
    if not all(one.isprintable() for one in value):
        raise BadInputError(f"{where}: {key}: a string contains unprintable characters")
    return value


def _only(table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise BadInputError(f"{where}: unknown key {unknown[0]!r}; keys are {', '.join(known)}")
