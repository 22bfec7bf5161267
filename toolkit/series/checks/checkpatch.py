# SPDX-License-Identifier: GPL-2.0-only
"""The tree's own scripts/checkpatch.pl on one patch."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from acceptlab.toolkit.kernels import kbuild, sandbox
from acceptlab.toolkit.series.checks.problems import FAIL, WARN, Problem, Step
from acceptlab.toolkit.series.git import git_line

NAME = "checkpatch"
SCRIPT = Path("scripts/checkpatch.pl")
_LINE = re.compile(
    r"^(?P<place>.*?:\d+): (?P<level>ERROR|WARNING|CHECK):(?P<type>[A-Z0-9_]+): (?P<text>.*)$"
)
_LEVELS = {"ERROR": FAIL, "WARNING": WARN, "CHECK": WARN}


def checkpatch(tree: Path, patch: Path, ignored: Sequence[str]) -> Step:
    """Run it as `--strict`; `ignored` are its message types that are no problem here."""
    if not (tree / SCRIPT).is_file():
        return Step(NAME, note="the tree has no scripts/checkpatch.pl", skipped=True)
    words = [
        "perl",
        str(tree / SCRIPT),
        f"--root={tree}",
        "--strict",
        "--terse",
        "--show-types",
        "--no-summary",
    ]
    words += ["--ignore", ",".join(ignored)] if ignored else []
    done = subprocess.run(
        sandbox.words([*words, str(patch)], [tree, patch, *_repository(tree)]), cwd=tree, env=kbuild.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    problems = tuple(parse(done.stdout.splitlines()))
    if done.returncode != 0 and not problems:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        problems = (Problem(FAIL, f"checkpatch itself failed: {said[0]}", "failed"),)
    return Step(NAME, problems)


def _repository(tree: Path) -> list[Path]:
    """Return what holds the tree's commits, which checkpatch looks up with git; nothing where the tree has none."""
    if not sandbox.is_requested() or not (tree / ".git").exists():
        return []
    return [Path(tree, git_line(tree, "rev-parse", "--git-common-dir"))]


def parse(lines: Iterable[str]) -> Iterator[Problem]:
    """Return what its terse lines (`file:line: LEVEL:TYPE: text`) say."""
    for line in lines:
        found = _LINE.match(line)
        if found:
            place = f"line {found['place'].rpartition(':')[2]}"
            text = f"{found['level']}:{found['type']}: {found['text']} ({place})"
            # A patch's messages are its own, whatever another patch's are.
            yield Problem(_LEVELS[found["level"]], text, text)
