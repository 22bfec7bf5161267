# SPDX-License-Identifier: GPL-2.0-only
"""sparse on the C files that a patch touches, at one commit, each with the flags that it was compiled with.

`make C=2 FILE.o` would be shorter, but compiles what is linked by a Makefile of its own (arch/x86/boot/compressed) with the
flags of the kernel proper, and says what is not so.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.kernels import kbuild, sandbox
from acceptlab.toolkit.kernels.diagnostics import read_line
from acceptlab.toolkit.series.checks.problems import FAIL, WARN, Problem, Step

NAME = "sparse"
FLAGS = (
    "-D__linux__", "-Dlinux", "-D__STDC__", "-Dunix", "-D__unix__", "-Wbitwise", "-Wno-return-void", "-Wno-unknown-attribute",
    "-D__x86_64__", "--arch=x86_64", "-mlittle-endian", "-m64",
)  # fmt: skip
"""What kbuild gives sparse before the compiler's flags (CHECKFLAGS in Makefile and arch/x86/Makefile)."""
_VALID = "scripts/checker-valid.sh"
"""What kbuild asks whether a checker can be used: it prints 1 or 0."""
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)


def sparse(tree: Path, objects: Path, touched: Sequence[str]) -> Step:
    """Check the files that were compiled into the kernel in `objects`; what is not part of it cannot be checked."""
    if not shutil.which("sparse"):
        return Step(NAME, note="sparse is not installed: apt-get install sparse", skipped=True)
    if _is_too_old(tree):
        note = f"this sparse is too old for the tree ({_VALID}): install a newer one"
        return Step(NAME, note=note, skipped=True)
    found = [
        flags
        for file in touched
        if file.endswith(".c")
        and (tree / file).is_file()
        and (flags := compiled_with(objects, file))
    ]
    if not found:
        return Step(NAME, note="the patch changes no compiled C file")
    problems = [problem for flags in found for problem in _problems(tree, objects, flags)]
    return Step(NAME, tuple(dict.fromkeys(problems)), f"{len(found)} file(s)")


def _is_too_old(tree: Path) -> bool:
    """Return whether the tree itself refuses this sparse, as 7.3 does one without __typeof_unqual__; its messages mean nothing then."""
    if not (tree / _VALID).is_file():
        return False
    done = subprocess.run(
        sandbox.words(["sh", _VALID, "sparse", *FLAGS], [tree]), cwd=tree, env=kbuild.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False, preexec_fn=kbuild.gently,
    )  # fmt: skip
    return done.stdout.strip() == "0"


def compiled_with(objects: Path, file: str) -> list[str]:
    """Return the compiler's flags for a C file, and its path at the end, as kbuild has kept them beside the object.

    Nothing is returned for a file that was not compiled. Raises MachineError when an object has no such record.
    """
    target = objects / Path(file).with_suffix(".o")
    if not target.is_file():
        return []
    record = target.with_name(f".{target.name}.cmd")
    kept = _COMMAND.search(record.read_text()) if record.is_file() else None
    if kept is None:
        raise MachineError(f"{target} has no .cmd file: remove it, and check again")
    # As make reads it again: Kbuild.include's make-cmd.
    words = shlex.split(kept[1].replace("$(pound)", "#").replace("$$", "$"))
    words = words[: words.index(";")] if ";" in words else words
    output = words.index("-o")
    first = next(at for at, word in enumerate(words) if word.startswith("-"))
    return [word for word in words[first:output] + words[output + 2 :] if word != "-c"]


def _problems(tree: Path, objects: Path, flags: Sequence[str]) -> list[Problem]:
    done = subprocess.run(
        sandbox.words(["sparse", *FLAGS, *flags], [tree, objects]), cwd=objects, env=kbuild.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        preexec_fn=kbuild.gently,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    said = [one for line in lines if (one := read_line(line, str(tree)))]
    if done.returncode != 0 and not said:
        text = f"sparse failed on {flags[-1]}: {lines[-1] if lines else 'no output'}"
        return [Problem(FAIL, text, "failed")]
    return [
        Problem(FAIL if one.is_error else WARN, str(one), f"{one.file} {one.text}") for one in said
    ]
