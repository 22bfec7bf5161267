# SPDX-License-Identifier: GPL-2.0-only
"""To whom a series could be sent, by the tree's own scripts/get_maintainer.pl: a suggestion, nothing is sent."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.git import GitError, git

_SCRIPT, _LIST = "scripts/get_maintainer.pl", "MAINTAINERS"
_ROLE = re.compile(r"^(?P<who>.*?) \((?P<role>[^()]*(?:\([^()]*\)[^()]*)*)\)$")
_TO = ("maintainer", "supporter")
"""Roles of those that are asked to take patches; the others, reviewers and lists, are copied."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Recipients:
    """Mail addresses, as get_maintainer.pl writes them."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()


def suggested(applied: Applied, patches: Sequence[Path]) -> Recipients:
    """Return who maintains what the patches touch, by the base's own script and list; nobody where the base lacks them, or perl is missing."""
    try:
        script, known = (
            git(applied.base.repository, "cat-file", "blob", f"{applied.base.commit}:{name}")
            for name in (_SCRIPT, _LIST)
        )
    except GitError:
        return Recipients()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "get_maintainer.pl").write_text(script, encoding="utf-8")
        (folder / _LIST).write_text(known, encoding="utf-8")
        words = [
            "perl", "get_maintainer.pl", "--no-tree", "--no-git", "--no-git-fallback", "--no-fixes", "--rolestats",
            "--mpath", str(folder / _LIST), *(str(path.resolve()) for path in patches),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return Recipients()
    return recipients_of(done.stdout)


def recipients_of(lines: str) -> Recipients:
    """Return the addresses in what `get_maintainer.pl --rolestats` prints."""
    to: list[str] = []
    cc: list[str] = []
    for line in lines.splitlines():
        found = _ROLE.match(line.strip())
        if found:
            (to if found["role"].startswith(_TO) else cc).append(found["who"])
    return Recipients(
        tuple(dict.fromkeys(to)), tuple(one for one in dict.fromkeys(cc) if one not in to)
    )
