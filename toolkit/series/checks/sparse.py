# SPDX-License-Identifier: GPL-2.0-only
"""sparse on the C files that a patch touches, at one commit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolkit.kernels import kbuild
from toolkit.kernels.said import read_line
from toolkit.series.checks.outcome import FAIL, WARN, Problem, Step

NAME = "sparse"


def sparse(tree: Path, objects: Path, touched: Sequence[str]) -> Step:
    """Check the files that were compiled into the kernel in `objects`; what is not part of it cannot be checked."""
    if not shutil.which("sparse"):
        return Step(NAME, note="sparse is not installed: apt-get install sparse", skipped=True)
    wanted = [str(Path(file).with_suffix(".o")) for file in touched if file.endswith(".c")]
    targets = [
        target
        for target in wanted
        if (objects / target).is_file() and (tree / target).with_suffix(".c").is_file()
    ]
    if not targets:
        return Step(NAME, note="no C file of this kernel is touched")
    done = subprocess.run(
        [*kbuild.make_words(tree, objects), "C=2", f"-j{kbuild.jobs()}", "-Otarget", *targets],
        env=kbuild.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False, preexec_fn=kbuild.gently,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    said = [one for line in lines if (one := read_line(line, str(tree)))]
    # gcc speaks too where make finds an object out of date: its words are the build's.
    problems = [
        Problem(FAIL if one.is_error else WARN, str(one), f"{one.file} {one.text}")
        for one in said
        if not one.flag
    ]
    if done.returncode != 0 and not problems:
        problems = [
            Problem(FAIL, f"make C=2 failed: {lines[-1] if lines else 'it said nothing'}", "failed")
        ]
    return Step(NAME, tuple(dict.fromkeys(problems)), f"{len(targets)} file(s)")
