# SPDX-License-Identifier: GPL-2.0-only
"""The glue's files are checked by the command that builds them, made stricter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.qemu.glue_lint import commands

CLEAN = (
    "int f(int unused, const char *s);\nint f(int unused, const char *s) { return s ? 1 : 0; }\n"
)


@pytest.mark.parametrize(
    ("code", "warns"),
    [
        (CLEAN, False),
        (CLEAN + "static int never(void) { return 0; }\n", True),
        (CLEAN + "int g(int a);\nint g(int a) { if (a); return 0; }\n", True),
    ],
)
def test_a_warning_fails(tmp_path: Path, code: str, warns: bool) -> None:
    source = tmp_path / "glue.c"
    source.write_text(code)
    entry = {
        "directory": str(tmp_path),
        "file": "../qemu/target/i386/acceptlab/glue.c",
        "command": f"cc -O0 -MD -MF out.d -o out.o -c {source}",
    }
    other = entry | {"file": "../qemu/target/i386/cpu.c"}
    (tmp_path / "db.json").write_text(json.dumps([entry, other]))
    found = commands(tmp_path / "db.json")
    assert list(found) == ["glue.c"]
    done = subprocess.run(
        found["glue.c"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == warns, done.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out.")]
