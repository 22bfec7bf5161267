# SPDX-License-Identifier: GPL-2.0-only
"""Many runs judged as one dataset: the same rows from every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.batch.find_runs import run_folders
from acceptlab.analysis.batch.run_row import row_of
from acceptlab.toolkit.batch.engines import dask_engine
from acceptlab.toolkit.errors import MachineError
from tests.analysis.synthetic import MIB, UNIT_SIZE, Guest, Kind, booted
from tests.toolkit.command_line import invoke

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clean runs, one that accepts twice, and one whose events are damaged."""
    folder = tmp_path_factory.mktemp("runs")
    booted().write(folder / "a" / "snp")
    booted(platform="tdx").write(folder / "a" / "tdx")
    twice = Guest()
    twice.boot()
    twice.event(Kind.ACCEPT, twice.layout.low + 16 * MIB, UNIT_SIZE, carry=0)
    twice.end()
    twice.write(folder / "b")
    damaged = booted().write(folder / "c") / "events.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    return folder


def batch(*words: str) -> Result:
    return invoke(["batch", *words])


@contextmanager
def cluster() -> Iterator[str]:
    """A scheduler and two workers on the loopback device."""
    options = {
        "processes": False,
        "protocol": "tcp",
        "threads_per_worker": 1,
        "dashboard_address": None,
    }
    from distributed import LocalCluster  # here, as loading it takes a second

    with LocalCluster(n_workers=2, host="127.0.0.1", **options) as workers:
        yield workers.scheduler_address


def test_runs_are_found_below_folders_each_once(runs: Path) -> None:
    found = run_folders([runs / "b", runs, runs / "a" / "snp"])
    assert found == [runs / "a" / "snp", runs / "a" / "tdx", runs / "b", runs / "c"]


@pytest.mark.parametrize("name", ["a/snp/bitmap", "b/run.json", "nowhere"])
def test_where_there_is_no_run(runs: Path, name: str) -> None:
    with pytest.raises(BadInput):
        run_folders([runs / name])


def test_one_dataset_of_all_runs(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs.parquet"
    result = batch(str(runs), "--jobs", "2", "--out", str(out), "--json")
    assert result.exit_code == 2  # a folder is not usable
    answer = json.loads(result.stdout)
    assert answer["verdicts"] == {"clean": 2, "findings": 1, "undecided": 0, "unusable": 1}
    assert answer["invariants"]["I2"]["broken"] == 1
    frame = pd.read_parquet(out)
    assert frame["verdict"].tolist() == ["clean", "clean", "findings", "unusable"]
    assert frame["platform"].tolist()[:3] == ["snp", "tdx", "snp"]
    assert "truncated or edited" in frame["problem"][3]


def test_the_table_says_what_is_wrong_where(runs: Path) -> None:
    result = batch(str(runs / "a"), str(runs / "b"), "--jobs", "1")
    assert result.exit_code == 1
    assert "3 runs: 2 clean, 1 findings." in result.stdout
    assert "I2 broken: accepted a page twice" in " ".join(result.stdout.split())
    assert not (runs / "b" / "verdict.json").exists()


def test_a_dask_cluster_gives_the_same_answer(runs: Path) -> None:
    here = batch(str(runs), "--json", "--jobs", "1")
    with cluster() as address:
        there = batch(str(runs), "--json", "--scheduler", address)
    assert there.exit_code == here.exit_code
    assert json.loads(there.stdout) == json.loads(here.stdout)


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acceptlab.toolkit.batch.engines._PATIENCE", 1)
    with pytest.raises(MachineError, match="no Dask scheduler"), dask_engine("tcp://127.0.0.1:9"):
        pass


def test_jobs_and_a_scheduler_exclude_each_other(runs: Path) -> None:
    result = batch(str(runs), "--jobs", "2", "--scheduler", "tcp://127.0.0.1:9")
    assert "--jobs applies to this machine" in str(result.exception)


def test_a_row_is_plain(runs: Path) -> None:
    row = row_of(str(runs / "b"))
    assert json.loads(json.dumps(row)) == row
    assert row["I2"] == "broken" and row["I1"] == "holds"
