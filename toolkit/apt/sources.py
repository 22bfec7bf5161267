# SPDX-License-Identifier: GPL-2.0-only
"""Derive apt sources for both binary and source packages from those that the machine uses already.

Both of apt's formats are understood (sources.list(5)): one line per source in `*.list`, and deb822 stanzas in `*.sources`.
Only the distribution's own suites are taken: a third party's archive often has no source packages, and is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_ONE_LINE = re.compile(
    r"^\s*deb\s+(?P<options>\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<rest>.*)$"
)
_FIELD = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9-]*):(?P<value>.*)$")
_ALIASES = ("stable", "oldstable", "oldoldstable")
_POCKETS = ("", "-updates", "-security", "/updates")
_SECURITY = ("-security", "/updates")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Of the package debian-archive-keyring, with the keys of all releases."""


@dataclass(frozen=True)
class Derived:
    """Text of a `.list` file and of a `.sources` file; either may be empty."""

    one_line: str
    deb822: str

    def __bool__(self) -> bool:
        return bool(self.one_line or self.deb822)


def codename(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the distribution's code name (`bookworm` for Debian 12), or "" if the file lacks it (os-release(5))."""
    try:
        text = os_release.read_text()
    except OSError:
        return ""
    found = re.search(r'^VERSION_CODENAME="?([A-Za-z0-9_-]+)"?$', text, re.MULTILINE)
    return found.group(1) if found else ""


def is_own_suite(suite: str, release: str) -> bool:
    """Return whether the suite is the distribution's release, its updates or its security updates."""
    return suite.rstrip("/") in {
        name + pocket for name in (release, *_ALIASES) for pocket in _POCKETS
    }


def derive(etc_apt: Path, release: str) -> Derived:
    """Read the machine's sources below `etc_apt` (usually /etc/apt) and return them for binaries and sources both."""
    parts = etc_apt / "sources.list.d"
    lists = [etc_apt / "sources.list", *sorted(parts.glob("*.list"))]
    lines = [line for path in lists for line in _one_line_sources(_text(path), release)]
    stanzas = [
        stanza
        for path in sorted(parts.glob("*.sources"))
        for stanza in _stanzas(_text(path), release)
    ]
    return Derived("".join(lines), "\n".join(stanzas))


def derive_suites(
    etc_apt: Path,
    release: str,
    suites: Iterable[str],
    types: Iterable[str] = ("deb",),
    keyring: Path = _KEYRING,
) -> Derived:
    """Return sources of other suites from the mirrors of the machine's own, verified by Debian's keyring.

    A suite that ends in -security comes from the mirror of security updates; without one it is left out.
    """
    own = derive(etc_apt, release)
    mirrors: dict[bool, list[str]] = {False: [], True: []}
    for uri, suite in _uris(own):
        mirrors[suite.endswith(_SECURITY)].append(uri)
    wanted: dict[bool, list[str]] = {False: [], True: []}
    for suite in suites:
        wanted[suite.endswith(_SECURITY)].append(suite)
    signed = f"Signed-By: {keyring}\n" if keyring.is_file() else ""
    return Derived(
        "",
        "\n".join(
            f"Types: {' '.join(types)}\nUris: {uris[0]}\nSuites: {' '.join(wanted[kind])}\nComponents: main\n{signed}"
            for kind, uris in mirrors.items()
            if uris and wanted[kind]
        ),
    )


def _uris(own: Derived) -> Iterator[tuple[str, str]]:
    """Return (URI, suite) of every source."""
    for line in own.one_line.splitlines():
        found = _ONE_LINE.match(line)
        if found:
            yield found["uri"], found["suite"].rstrip("/")
    for block in filter(None, own.deb822.split("\n\n")):
        fields = _fields(block)
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield uri, suite.rstrip("/")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # absent, or readable by root only
        return ""


def _one_line_sources(text: str, release: str) -> Iterator[str]:
    for line in text.splitlines():
        found = _ONE_LINE.match(line.split("#")[0])
        if not found or found["uri"].startswith("cdrom:") or "main" not in found["rest"].split():
            continue
        if is_own_suite(found["suite"], release):
            rest = f"{found['options'] or ''}{found['uri']} {found['suite']} main\n"
            yield f"deb {rest}deb-src {rest}"


def _stanzas(text: str, release: str) -> Iterator[str]:
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = _fields(block)
        kept = _own_suites(fields, release)
        if kept:
            fields |= {"types": "deb deb-src", "suites": kept, "components": "main"}
            yield "".join(f"{name.title()}: {value}\n" for name, value in fields.items())


def _own_suites(fields: dict[str, str], release: str) -> str:
    """Return the distribution's own suites of a stanza, or "" when the stanza is of no use."""
    enabled = fields.get("enabled", "yes").strip().lower() not in (
        "no",
        "false",
        "without",
        "off",
        "disable",
    )
    useful = (
        "deb" in fields.get("types", "").split() and "main" in fields.get("components", "").split()
    )
    if not (enabled and useful):
        return ""
    return " ".join(
        suite for suite in fields.get("suites", "").split() if is_own_suite(suite, release)
    )


def _fields(block: str) -> dict[str, str]:
    """Parse one deb822 stanza; names in lower case, values with their continuation lines (an embedded key has many)."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        found = _FIELD.match(line)
        if line.startswith("#"):
            continue
        if found:
            name = found["name"].lower()
            fields[name] = found["value"].strip()
        elif name and line[:1] in (" ", "\t"):
            fields[name] += "\n" + line
    return fields
