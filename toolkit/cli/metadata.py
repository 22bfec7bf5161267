# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab metadata`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay import Runs
from acceptlab.toolkit.progress import step


def metadata(runs: Runs, as_json: AsJson = False) -> None:
    """Compute what other ways to track unaccepted memory would have to hold and to do: a bitmap, a page flag, a memory map.

    The runs must show when struct pages become available: record them with --probe free_area_init --probe page_alloc_init_late
    (from Linux 7.0 on with --probe mm_core_init_early in place of the first).
    Counts are facts of the run; nothing here is a time.
    """
    from acceptlab.analysis.measure.metadata.metadata_cost import measure
    from acceptlab.analysis.report.metadata_text import as_text
    from acceptlab.analysis.run.run_folder import (
        Run,  # loads pyarrow, which --help need not wait for
    )

    found = []
    for path in runs:
        run = Run.open(path)
        run.verify_events()
        with step(f"reading {path.name or path}"):
            found.append(measure(run))
    if as_json:
        print_json(
            [
                {
                    **asdict(one),
                    "bitmap": one.bitmap,
                    "memblock": one.memblock,
                    "struct_pages": one.struct_pages,
                }
                for one in found
            ]
        )
    else:
        typer.echo(as_text(found))
