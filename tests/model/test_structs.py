# SPDX-License-Identifier: GPL-2.0-only
"""The ctypes layouts and the C headers agree."""

import ctypes as ct
import subprocess
from pathlib import Path

from tests.model.library import MODEL
from tests.model.structs import LAYOUTS


def test_layouts_are_the_compilers(tmp_path: Path) -> None:
    """A field more or less, or of another width, changes the size."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", '#include "snp.h"', '#include "tdx.h"']
    lines.append("int main(void) {")
    expected: dict[str, int] = {}
    for name, layout in LAYOUTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected[name] = ct.sizeof(layout)
    lines.append("return 0; }")
    source, program = tmp_path / "sizes.c", tmp_path / "sizes"
    source.write_text("\n".join(lines))
    subprocess.run(["gcc", "-std=c11", f"-I{MODEL}", str(source), "-o", str(program)], check=True)
    output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    found = {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in output.splitlines()}
    assert found == expected
