# SPDX-License-Identifier: GPL-2.0-only
"""Names of callers: certain ones as they are, best-effort ones as ``~name``, implausible ones not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.kernel.symbols import RunSymbols
from acceptlab.analysis.report.facts import Subject, caller_rows, subject_of
from acceptlab.analysis.report.run_text import as_text
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import (
    CALLER_HOW_NAMES,
    METADATA_KEY,
    UNIT_SIZE,
    CallerHow,
    Kind,
    Stage,
)
from tests.analysis.synthetic import Guest

CALLER = 0xFFFFFFFF81500000


class Names:
    """Symbols in which every address has a name."""

    def name_of(self, address: int, stage: int | None = None) -> str:
        return f"f_{address & 0xFFFF:x}+0x1"


def accepts_by(folder: Path, hows: list[CallerHow]) -> Path:
    """Write a run with one accept in userspace by each way to find a caller, each of another function."""
    guest = Guest()
    guest.boot()
    guest.stage(Stage.USERSPACE)
    for number, how in enumerate(hows):
        gpa = guest.layout.low + number * UNIT_SIZE
        guest.event(Kind.ACCEPT, gpa, UNIT_SIZE, carry=0, caller=CALLER + 16 * number, how=how)
    guest.end()
    return guest.write(folder)


def named(run: Path) -> Subject:
    return replace(subject_of(run, None, None), symbols=cast(RunSymbols, Names()))


def test_each_way_to_a_caller_shows_how_sure_its_name_is(tmp_path: Path) -> None:
    subject = named(accepts_by(tmp_path / "run", list(CallerHow)))
    rows = [row for row in caller_rows(subject) if row.stage == "userspace"]
    shown = {row.shown for row in rows}
    assert {"~f_0", "f_10", "f_20", "~f_30", "not known"} <= shown
    assert "f_40" not in " ".join(shown), "no call returns there"
    assert {row.function: row.best_effort for row in rows if row.function.startswith("f_")} == {
        "f_0": True, "f_10": False, "f_20": False, "f_30": True,
    }  # fmt: skip
    text = as_text([subject])
    assert "~f_30" in text and "~name: found on the stack" in text


def test_text_without_such_names_does_not_explain_the_mark(tmp_path: Path) -> None:
    subject = named(accepts_by(tmp_path / "run", [CallerHow.BY_CALL]))
    assert "~name" not in as_text([subject])


def test_a_file_of_an_earlier_release_lacks_the_column(tmp_path: Path) -> None:
    run = accepts_by(tmp_path / "run", [CallerHow.BY_CALL])
    path = run / "events.parquet"
    table = pq.read_table(path)
    assert set(table["caller_how"].to_pylist()) <= {None, *CALLER_HOW_NAMES}
    about = {METADATA_KEY: pq.ParquetFile(path).metadata.metadata[METADATA_KEY]}
    pq.write_table(table.drop_columns(["caller_how"]).replace_schema_metadata(about), path)
    [batch] = EventFile(path).batches(("seq", "caller_how"))
    assert not batch["caller_how"].any()
    [read] = EventFile(path).tables()
    assert read.column_names == table.column_names
    assert read["caller_how"].null_count == len(table)


@pytest.mark.parametrize("how", list(CallerHow))
def test_the_way_survives_the_file(tmp_path: Path, how: CallerHow) -> None:
    run = accepts_by(tmp_path / "run", [how])
    [batch] = EventFile(run / "events.parquet").batches(("caller", "caller_how"))
    assert batch["caller_how"][batch["caller"] == CALLER].tolist() == [how]
