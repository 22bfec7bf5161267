# SPDX-License-Identifier: GPL-2.0-only
"""Files that trace-cmd recorded in a guest (recorded/README.md), and what the emulator saw accepted meanwhile."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.schema import PAGE_SIZE, Kind
from acceptlab.toolkit.importing.trace_import import Request, perform
from tests.analysis.readers.samples import rows

FOLDER = Path(__file__).with_name("recorded")
NAMES = ("6", "7", "7-zstd")
Pages = dict[int, list[int]]
"""Page numbers by vCPU, in the order in which they were accepted."""


def recorded(name: str) -> bytes:
    """Return a file as trace-cmd wrote it."""
    return lzma.decompress((FOLDER / f"{name}.dat.xz").read_bytes())


def accepted(name: str) -> Pages:
    """Return what the emulator saw while the file was recorded."""
    found = json.loads((FOLDER / "accepted.json").read_text())[name]
    return {
        int(vcpu): [page for first, count in runs for page in range(first, first + count)]
        for vcpu, runs in found.items()
    }


def keep(files: dict[str, bytes], seen: dict[str, Pages]) -> None:
    """Write recorded/ anew: files by name, and what the emulator saw."""
    for name, data in files.items():
        (FOLDER / f"{name}.dat.xz").write_bytes(lzma.compress(data, preset=9))
    runs = {
        name: {str(vcpu): list(_runs(pages)) for vcpu, pages in by_vcpu.items()}
        for name, by_vcpu in seen.items()
    }
    (FOLDER / "accepted.json").write_text(json.dumps(runs, sort_keys=True) + "\n")


def _runs(pages: Iterable[int]) -> Iterable[list[int]]:
    run: list[int] = []
    for page in pages:
        if run and page == run[0] + run[1]:
            run[1] += 1
            continue
        if run:
            yield run
        run = [page, 1]
    if run:
        yield run


def imported(data: bytes, folder: Path) -> tuple[RunInfo, Pages]:
    """Import a trace.dat into folder/run, and return run.json and what was accepted."""
    file = folder / "trace.dat"
    file.write_bytes(data)
    shutil.rmtree(folder / "run", ignore_errors=True)
    info = perform(Request(file, platform="tdx"), folder / "run").info
    found: Pages = defaultdict(list)
    if info.events.count:
        for kind, vcpu, gpa, size in rows(folder / "run", "kind", "vcpu", "gpa", "size"):
            if kind == Kind.ACCEPT:
                found[int(vcpu)] += range(int(gpa) // PAGE_SIZE, int(gpa + size) // PAGE_SIZE)  # type: ignore[operator]
    return info, dict(found)
