# SPDX-License-Identifier: GPL-2.0-only
"""Bring historical bugs back, and print what runs of their kernels found: `python -m tests.gallery [--plan] [PART OF A NAME ...]`."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from tests.gallery.bugs import Bug, boot, bugs, build, find, found, missing

_HEAD = ("bug", "undoes", "effect", "run", "finding")


def main(arguments: list[str]) -> int:
    """Return 0 when every bug is found and the base has no finding in the same runs, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="only bugs with this in their names"
    )
    parser.add_argument("--plan", action="store_true", help="build and run nothing")
    words = parser.parse_intermixed_args(arguments)
    chosen = [one for one in bugs() if any(part in one.name for part in words.parts or [""])]
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}")
    faults: list[str] = []
    for bug in chosen:
        if not words.plan:
            with tempfile.TemporaryDirectory(prefix="acceptlab-gallery-") as folder:
                faults += [f"{bug.name}: {fault}" for fault in tried(bug, Path(folder))]
        print(row(bug), flush=True)
    for fault in faults:
        print(fault, file=sys.stderr)
    return int(bool(faults) or not chosen)


def tried(bug: Bug, folder: Path) -> list[str]:
    """Return what is wrong with the runs of the bug's kernel and of the base, a line each."""
    try:
        faults = missing(bug, find(bug, folder))
    except AssertionError as error:
        faults = [str(error)]
    base = found(boot(build(None), bug.run, folder / "base"))
    return faults + [f"the base has a finding: {' '.join(one)}" for one in sorted(base)]


def row(bug: Bug) -> str:
    """Return the bug's line of the table."""
    how = f"`explore`, at most {bug.schedules} schedules: " if bug.schedules else ""
    findings = "; ".join(f"{invariant}: {title}" for invariant, title in bug.findings)
    where = f" (`{bug.function}()`)" if bug.function else ""
    cells = (
        f"[{bug.name}](../tests/gallery/{bug.name}.patch)",
        f"{bug.fix}, {bug.subject}",
        bug.effect,
        f"{how}`{shlex.join(bug.run)}`",
        f"{findings}{where}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
