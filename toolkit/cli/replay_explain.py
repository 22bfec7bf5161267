# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab replay --page` and `--why`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from acceptlab.toolkit.cli.output import print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.sizes import parse_address


def explain(runs: Sequence[Path], page: str | None, why: str | None, as_json: bool) -> None:
    """Print the life of a page, or how a finding came about; BadInputError if both are asked for."""
    from acceptlab.analysis.explain import (
        why as told,  # loads numpy and pyarrow, which --help need not
    )
    from acceptlab.analysis.explain.life import Life, life_of
    from acceptlab.analysis.invariants.judge import judge
    from acceptlab.analysis.kernel.symbols import symbols_of_run
    from acceptlab.analysis.run.run_folder import Run

    if len(runs) != 1 or (page is not None and why is not None):
        raise BadInputError("--page and --why are exclusive and take one run")
    run = Run.open(runs[0])
    run.verify_events()
    symbols = symbols_of_run(run, cache() / "symbols")
    with step(f"reading {runs[0].name or runs[0]}"):
        if page is not None:
            life = life_of(run, parse_address(page), symbols)
            if as_json:
                print_json(told.life_object(run, life))
            else:
                typer.echo(told.life_text(run, life))
            return
        finding = told.choose(judge(run, symbols=lambda: symbols), why or "")
        gpa = finding.evidence.get("gpa")
        about: Life | None = life_of(run, int(gpa, 16), symbols) if gpa else None
    if as_json:
        print_json(told.finding_object(run, finding, about))
    else:
        typer.echo(told.finding_text(run, finding, about))
