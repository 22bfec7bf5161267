# SPDX-License-Identifier: GPL-2.0-only
"""A trace.dat of version 6 that breaks off, made such that trace-cmd reads what is left of it.

Version 6 names the place and size of every CPU's data before the data (trace-cmd.dat.v6(5)); trace-cmd reads none of it when the file is
shorter than that. Here the sizes are made those of what is there, and the last page is cut behind its last whole entry.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from acceptlab.analysis.readers import trace_dat, trace_dat_page
from acceptlab.analysis.readers.damage import Damaged


def repair(broken: Path, repaired: Path) -> None:
    """Write to ``repaired`` what trace-cmd can read of ``broken``. Raises Damaged when it ends before its trace data."""
    tables = trace_dat.cpu_tables(broken)
    if not tables.places or not trace_dat_page.is_size(tables.page):
        raise Damaged("it ends before the first page of trace data")
    shutil.copyfile(broken, repaired)
    with repaired.open("r+b") as file:
        size = file.seek(0, 2)
        for place in tables.places:
            file.seek(place)
            entry = file.read(16)
            if len(entry) < 16:
                raise Damaged("it ends before the first page of trace data")
            start, length = struct.unpack(f"{tables.order}QQ", entry)
            kept = min(length, max(size - start, 0))
            whole = kept - kept % tables.page
            if kept - whole > trace_dat_page.HEADER:
                file.seek(start + whole)
                last = file.read(kept - whole)
                file.seek(start + whole)
                file.write(trace_dat_page.repaired(last, tables.page, tables.order))
                whole += tables.page
            file.seek(place)
            file.write(struct.pack(f"{tables.order}QQ", start if whole else 0, whole))
