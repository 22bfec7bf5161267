# SPDX-License-Identifier: GPL-2.0-only
"""Files out of a guest, which has no disk: packed, and printed as text on its console."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from pathlib import Path

from acceptlab.toolkit.kernels.package_files import write_member

_LINE = re.compile(r"^ACCEPTLAB file (\S+)\r?$", re.MULTILINE)

PRINT = """
import base64, io, sys, tarfile
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:xz") as archive:
    for name in sys.argv[1:]:
        archive.add("/" + name, name)
text = base64.b64encode(packed.getvalue()).decode()
for at in range(0, len(text), 76):
    print("ACCEPTLAB file", text[at : at + 76])
"""
"""A program for a guest with Python; its arguments are names of files and folders in /."""


def unpack(console: str, folder: Path) -> None:
    """Write the files that a guest printed into a folder."""
    lines = _LINE.findall(console)
    assert lines, console[-3000:]
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode("".join(lines)))) as archive:
        for member in archive:
            if member.isfile():
                write_member(archive, member, folder)
