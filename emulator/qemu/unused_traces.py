# SPDX-License-Identifier: GPL-2.0-only
"""Write the trace code of all groups that nobody records: a header for each, of empty functions, and one C file.

QEMU's build runs tracetool and dtrace five times for each of its groups, and compiles a file for each. Run by the hook to its
trace/meson.build: unused_traces.py QEMU FOLDER GROUP... FILE..., with as many trace-events files as groups, in their order.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

NO_BACKEND = ["nop"]


def main(qemu: str, folder: str, *groups_and_files: str) -> None:
    """Write trace-GROUP.h for each group and unused-traces.c into `folder`."""
    sys.path.insert(0, str(Path(qemu) / "scripts"))
    import tracetool

    def generated(events: list[object], group: str, form: str) -> str:
        tracetool.out_fobj = io.StringIO()
        tracetool.generate(events, group, form, NO_BACKEND)
        return tracetool.out_fobj.getvalue()

    half = len(groups_and_files) // 2
    code = ""
    for group, file in zip(groups_and_files[:half], groups_and_files[half:], strict=True):
        with Path(file).open() as lines:
            events = tracetool.read_events(lines, file)
        for event in events:
            event.properties.append("disable")
        (Path(folder) / f"trace-{group}.h").write_text(generated(events, group, "h"))
        code += generated(events, group, "c")
    (Path(folder) / "unused-traces.c").write_text(code)


main(*sys.argv[1:])
