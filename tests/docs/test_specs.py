# SPDX-License-Identifier: GPL-2.0-only
"""The TOML that docs/series.md and docs/matrix.md show is read as they say, and their tables are those of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from acceptlab.analysis.report.matrix.columns import COLUMNS
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.matrix import sweep_spec
from acceptlab.toolkit.series import series_spec
from acceptlab.toolkit.series.series_spec import DebianBase, GitBase, TarballBase
from tests.docs.pages import first_cells, sections, text_of

SERIES = text_of("series.md")
MATRIX = text_of("matrix.md")


def toml_of(text: str) -> str:
    """The one block of TOML of a page."""
    (found,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_series_toml_is_read(tmp_path: Path) -> None:
    spec = series_spec.spec_of(tomllib.loads(toml_of(SERIES)), tmp_path)
    assert isinstance(spec.base, DebianBase)
    assert (spec.name, spec.compare, len(spec.config.fragments)) == ("my-series", ("debian:6.12",), 2)  # fmt: skip


@pytest.mark.parametrize(("kind", "base"), [("git", GitBase), ("tarball", TarballBase)])
def test_the_other_bases_are_read(kind: str, base: type, tmp_path: Path) -> None:
    """Those that stand there as comments, in place of the first one."""
    lines = [line for line in toml_of(SERIES).splitlines() if not re.match(r"(debian|version) =", line)]  # fmt: skip
    names = {"git": ("git", "commit"), "tarball": ("tarball", "sha256")}[kind]
    text = "\n".join(re.sub(rf"^# ({'|'.join(names)}) =", r"\1 =", line) for line in lines)
    spec = series_spec.spec_of(tomllib.loads(text.replace('"..."', f'"{"0" * 64}"')), tmp_path)
    assert isinstance(spec.base, base)


def test_every_key_of_series_toml_is_shown() -> None:
    """A key that the code knows and the page does not: the error about an unknown key lists those that there are."""
    shown = set(
        re.findall(r"^(?:# )?(\w+) = |^\[+(?:\w+\.)?(\w+)\]", toml_of(SERIES), re.MULTILINE)
    )
    names = {name for pair in shown for name in pair if name}
    data = tomllib.loads(toml_of(SERIES))
    for table in ("", "config", "compare", "check"):
        broken = {**data, "no-such": 1} if not table else {**data, table: {"no-such": 1}}
        with pytest.raises(BadInputError, match="keys are ") as error:
            series_spec.spec_of(broken, Path("/"))
        known = set(str(error.value).split("keys are ")[1].split(", "))
        assert known <= names


def test_the_matrix_spec_is_read(tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_text(toml_of(MATRIX))
    spec = sweep_spec.read_spec(path)
    (sweep,) = spec.sweeps
    assert (spec.name, sweep.name, sweep.axes) == ("example", "hosts", ("platform", "host-backing", "seed", "kernel"))  # fmt: skip
    hosts = {(cell.labels["platform"], cell.labels["host-backing"]) for cell in sweep.cells}
    assert hosts == {("snp", "2M"), ("tdx", "2M"), ("tdx", "4K")}


def test_every_fact_is_described_with_its_unit() -> None:
    table = sections(MATRIX)["Facts"]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE)
    assert rows == [(name, one.unit) for name, one in COLUMNS.items()]


def test_the_steps_of_a_check_are_in_the_table() -> None:
    from acceptlab.toolkit.series.checks import accept_early, checkpatch, series_check, sparse

    steps = {cell.split(",")[0] for cell in first_cells(sections(SERIES)["Check"])}
    assert {series_check.BUILD, accept_early.NAME, checkpatch.NAME, sparse.NAME} <= steps


def test_the_page_says_plainly_that_a_check_runs_code() -> None:
    assert "**Checking a series runs its code on your machine.**" in SERIES
