# SPDX-License-Identifier: GPL-2.0-only
"""Check the glue for compiler warnings: each of its files by the very command that builds it, and stricter.

`python -m acceptlab.toolkit.qemu.glue_lint`, for `make lint`; builds the emulator first if need be. What was checked without
a warning is not checked again until a file of emulator/, the configure line or this file changes.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.qemu import bases, emulator_build
from acceptlab.toolkit.whole_files import write_whole

_GLUE = "target/i386/acceptlab/"
# Compiled in full: many warnings come from the optimiser, and -fsyntax-only has none of them.
_STRICT = (
    "-Wall", "-Wextra", "-Werror", "-o", "/dev/null",
    # QEMU's own headers, which cannot be separated from ours here, are full of these three.
    "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-missing-field-initializers",
)  # fmt: skip


def commands(database: Path) -> dict[str, list[str]]:
    """Return the stricter command for each file of the glue, from ninja's compilation database."""
    found = {}
    for entry in json.loads(database.read_text()):
        name = entry["file"].partition(_GLUE)[2]
        if name:
            found[name] = [*_without_outputs(shlex.split(entry["command"])), *_STRICT]
    return dict(sorted(found.items()))


def _without_outputs(words: list[str]) -> list[str]:
    """Return a compiler's command without the options that make it write files."""
    kept = []
    values = iter(words)
    for word in values:
        if word in ("-o", "-MF", "-MQ"):
            next(values)
        elif word != "-MD":
            kept.append(word)
    return kept


def _stamp() -> Path:
    """Return the file that is there once the glue of this checkout was checked without a warning."""
    base = bases.chosen()
    made_of = [
        emulator_build.files_for(base).digest(),
        *emulator_build.configure_line(base),
        *_STRICT,
    ]
    digest = hashlib.sha256("\n".join(made_of).encode())
    return emulator_build.home() / "lint" / digest.hexdigest()[:16]


def main() -> int:
    """Check every file; return 1 when one has a warning."""
    stamp = _stamp()
    if stamp.is_file():
        sys.stderr.write(f"{stamp.read_text()}, checked before\n")
        return 0
    # with the headers that are generated from this checkout's trace-events
    with emulator_build.objects() as objects:
        checked = commands(objects / "compile_commands.json")
        failed = [
            name
            for name, command in checked.items()
            if subprocess.run(command, cwd=objects, check=False).returncode
        ]
    line = f"{len(checked)} files of the glue checked, {len(failed)} with warnings"
    sys.stderr.write(line + "\n")
    if failed or not checked:
        return 1
    stamp.parent.mkdir(parents=True, exist_ok=True)
    write_whole(stamp, line)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AcceptlabError as error:
        sys.stderr.write(f"lint: {error}\n")
        sys.exit(error.exit_code)
