# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts: on incomplete traces, on kernels without support, and on bad input."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import sha256_of
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run, write_run_json
from acceptlab.analysis.run.run_info import DefaultProbes, Kernel, KernelSupport
from acceptlab.analysis.trace.schema import RAW_DTYPE, Stage
from acceptlab.analysis.trace.stream import convert_raw
from tests.analysis.synthetic import MIB, Guest, Layout, Records, booted
from tests.examples import examples
from tests.toolkit.command_line import invoke


@pytest.fixture(scope="module")
def guest() -> Guest:
    return booted(backing="4K")


@pytest.fixture
def run(guest: Guest, tmp_path: Path) -> Path:
    return guest.write(tmp_path / "run")


def test_the_verdict_is_written(run: Path) -> None:
    verdict = replay_run(run)
    assert json.loads((run / "verdict.json").read_text()) == verdict.to_json()


def test_the_verdict_file_is_the_same_each_time(run: Path) -> None:
    replay_run(run)
    first = (run / "verdict.json").read_bytes()
    replay_run(run)
    assert (run / "verdict.json").read_bytes() == first


def test_nothing_is_written_when_not_asked(run: Path) -> None:
    replay_run(run, write=False)
    assert not (run / "verdict.json").exists()


def test_progress_ends_at_the_end(run: Path) -> None:
    seen: list[tuple[int, int]] = []
    verdict = replay_run(run, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (verdict.events, verdict.events)


@pytest.mark.processes
def test_judging_does_not_wait_for_pandas(run: Path) -> None:
    """To load it takes longer than to judge a small run."""
    code = (
        "import sys; from analysis.invariants.judge import replay_run; replay_run(sys.argv[1], write=False); "
        "sys.exit('pandas' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, run], cwd=root, check=False).returncode == 0


# --- incomplete traces ---------------------------------------------------------------------


@examples(10)
@given(st.data())
def test_a_trace_cut_at_any_byte_is_never_clean(
    guest: Guest, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = guest.records().tobytes()
    cut = data.draw(st.integers(0, len(raw) - 1))
    folder = tmp_path_factory.mktemp("cut")
    guest.write(folder)
    (folder / "events.raw").write_bytes(raw[:cut])
    summary = convert_raw(folder / "events.raw", folder / "events.parquet")
    assert summary.events == cut // RAW_DTYPE.itemsize
    info = Run.open(folder).info
    told = replace(info.events, sha256=summary.sha256, count=summary.events)
    # Even if run.json claims that all is well.
    write_run_json(folder, replace(info, events=replace(told, complete=True, problem=None)))
    assert replay_run(folder).verdict != "clean"


def test_a_gap_makes_the_verdict_undecided_and_is_named(guest: Guest, tmp_path: Path) -> None:
    folder = guest.write(tmp_path / "run", lambda records: np.delete(records, len(records) - 2))
    verdict = replay_run(folder)
    assert verdict.verdict == "undecided" and verdict.exit_code == 4
    assert any("events are missing" in reason for reason in verdict.reasons)


def test_a_run_that_did_not_end_well_is_not_clean(guest: Guest, tmp_path: Path) -> None:
    folder = guest.write(tmp_path / "run", outcome="timeout", reason="no output for 60 s")
    verdict = replay_run(folder)
    assert verdict.verdict == "undecided"
    assert "no output for 60 s" in verdict.headline


def test_a_snapshot_that_contradicts_the_events_is_named(guest: Guest, tmp_path: Path) -> None:
    folder = guest.write(tmp_path / "run")
    pages = next((folder / "bitmap").glob("*-end.pages"))
    runs = np.fromfile(pages, "<u8").reshape(-1, 3)
    runs[-1, 2] = 2  # the last run is unaccepted in truth
    runs.tofile(pages)
    verdict = replay_run(folder)
    assert verdict.verdict == "undecided"
    assert f"{int(runs[-1, 0]):#x}" in verdict.reasons[0]


# --- a kernel that knows nothing of unaccepted memory ------------------------------------


OLD = Kernel(version="6.1.0-40-cloud-amd64")


def old_kernel(reached: bool) -> Guest:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    if reached:
        guest.stage(Stage.USERSPACE)
        guest.console = [
            "ACCEPTLAB userspace",
            f"ACCEPTLAB meminfo MemTotal={guest.layout.low // 1024} Unaccepted=none "
            "nr_unaccepted=none label=start",
        ]
    guest.end()
    return guest


def test_an_old_kernel_is_called_that(tmp_path: Path) -> None:
    verdict = replay_run(old_kernel(True).write(tmp_path / "run", kernel=OLD))
    assert verdict.verdict == "undecided"
    assert verdict.headline == (
        "This kernel does not support unaccepted memory: it accepted none of the 64 MiB that "
        "firmware left unaccepted; it uses 32 MiB of 96 MiB."
    )


def test_an_old_kernel_that_stops_is_called_that_too(tmp_path: Path) -> None:
    folder = old_kernel(False).write(tmp_path / "run", outcome="stopped", kernel=OLD)
    headline = replay_run(folder).headline
    assert headline.startswith("This kernel does not support unaccepted memory")
    assert "did not reach userspace (stopped)" in headline


@pytest.mark.parametrize(
    ("support", "headline"),
    [
        (KernelSupport(True, False), "This kernel does not support unaccepted memory; it uses"),
        (KernelSupport(False, False), "This kernel is not built to be an SEV-SNP guest; it uses"),
    ],
)
def test_what_run_json_says_of_the_kernel_is_said(
    support: KernelSupport, headline: str, tmp_path: Path
) -> None:
    """As when firmware has accepted all memory for such a kernel, which then runs well."""
    guest = Guest(layout=Layout(32 * MIB, 32 * MIB))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.stage(Stage.USERSPACE)
    guest.console.append("ACCEPTLAB meminfo MemTotal=30000 Unaccepted=none nr_unaccepted=none")
    guest.end()
    verdict = replay_run(guest.write(tmp_path / "run", kernel_support=support))
    assert verdict.verdict == "undecided" and verdict.exit_code == 4
    assert verdict.headline.startswith(headline)


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_kernel_that_acts_as_a_guest_is_not_called_none(platform: str, tmp_path: Path) -> None:
    """Its symbols or its configuration may suggest what they will."""
    unlikely = KernelSupport(False, True)
    folder = booted(platform=platform).write(tmp_path / "run", kernel_support=unlikely)
    assert replay_run(folder).verdict == "clean"


def test_a_new_kernel_that_dies_early_is_not_called_old(tmp_path: Path) -> None:
    folder = old_kernel(False).write(tmp_path / "run", outcome="stopped")
    assert "does not support" not in replay_run(folder).headline


@pytest.mark.parametrize(("name", "old"), [("accept_memory", False), ("start_kernel", True)])
def test_the_symbols_of_a_kernel_decide(name: str, old: bool, tmp_path: Path) -> None:
    system_map = tmp_path / "System.map"
    lines = [f"ffffffff81000000 T {name}", "ffffffff81000040 T panic"]
    system_map.write_text("\n".join(lines) + "\n")
    kernel = Kernel(version="6.1.0" if not old else "6.12", vmlinux=str(system_map))
    folder = old_kernel(False).write(tmp_path / "run", outcome="stopped", kernel=kernel)
    assert ("does not support" in replay_run(folder).headline) == old


def test_a_withheld_table_is_not_blamed_on_the_kernel(tmp_path: Path) -> None:
    guest = old_kernel(False)
    handoff = replace(guest.info().handoff, bitmap=None)
    folder = guest.write(tmp_path / "run", outcome="stopped", handoff=handoff)
    assert "does not support" not in replay_run(folder).headline


# --- bad input -------------------------------------------------------------------------------


def one_line(folder: Path) -> str:
    with pytest.raises(BadInput) as error:
        replay_run(folder)
    text = str(error.value)
    assert "\n" not in text and text
    return text


def test_no_run_folder(tmp_path: Path) -> None:
    assert "is not a run folder" in one_line(tmp_path)


def test_an_edited_parquet(run: Path) -> None:
    data = bytearray((run / "events.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (run / "events.parquet").write_bytes(data)
    assert "truncated or edited" in one_line(run)


def test_a_truncated_parquet(run: Path) -> None:
    data = (run / "events.parquet").read_bytes()
    (run / "events.parquet").write_bytes(data[: len(data) // 2])
    assert "truncated or edited" in one_line(run)


@pytest.mark.parametrize("keep", [0, 4, 0.5, 0.99])
def test_a_truncated_parquet_with_its_own_checksum(run: Path, keep: float) -> None:
    data = (run / "events.parquet").read_bytes()
    kept = int(keep if keep >= 1 else len(data) * keep)
    (run / "events.parquet").write_bytes(data[:kept])
    rewrite(run, sha256_of(run / "events.parquet"))
    assert "truncated or damaged" in one_line(run)


@examples(15)
@given(st.data())
def test_a_damaged_parquet_gives_one_line_or_a_verdict(
    guest: Guest, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = guest.write(tmp_path_factory.mktemp("damaged"))
    damaged = bytearray((folder / "events.parquet").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / "events.parquet").write_bytes(damaged)
    rewrite(folder, sha256_of(folder / "events.parquet"))
    try:
        replay_run(folder)
    except BadInput as error:
        assert "\n" not in str(error)


def test_a_parquet_with_a_damaged_column_name(run: Path) -> None:
    data = (run / "events.parquet").read_bytes().replace(b"carry", b"\xe4arry")
    (run / "events.parquet").write_bytes(data)
    rewrite(run, sha256_of(run / "events.parquet"))
    assert "truncated or damaged" in one_line(run)


def rewrite(run: Path, sha256: str) -> None:
    info = Run.open(run).info
    write_run_json(run, replace(info, events=replace(info.events, sha256=sha256)))


def test_a_missing_parquet(run: Path) -> None:
    (run / "events.parquet").unlink()
    assert "has no events.parquet" in one_line(run)


def test_another_parquet(run: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), run / "events.parquet")
    rewrite(run, sha256_of(run / "events.parquet"))
    assert "column seq is missing" in one_line(run)


def test_ram_beyond_all_reason(guest: Guest, tmp_path: Path) -> None:
    def inflate(records: Records) -> Records:
        records = records.copy()
        records["size"][1] = 1 << 63
        return records

    assert "it is damaged" in one_line(guest.write(tmp_path / "run", inflate))


def test_a_damaged_snapshot(run: Path) -> None:
    pages = next((run / "bitmap").glob("*.pages"))
    pages.write_bytes(pages.read_bytes()[:-1])
    assert "truncated" in one_line(run)


# --- what is said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "probes", "source", "told"),
    [
        ("lazy", (), "emulator", " Not decided: I8; --probe-lock unaccepted_memory_lock decides it."),
        ("eager", (), "emulator", " Not decided: I5, I8; --probe accept_memory --probe-lock unaccepted_memory_lock decide them."),
        ("lazy", (), "ebpf", " Not decided: I8."),
    ],
)  # fmt: skip
def test_a_clean_verdict_says_what_it_does_not_cover(
    accept: str, probes: tuple[str, ...], source: str, told: str, tmp_path: Path
) -> None:
    guest = booted(accept=accept, probes=probes)
    verdict = replay_run(guest.write(tmp_path / "run", source=source))
    assert verdict.verdict == "clean"
    assert verdict.headline.endswith(told)
    statuses = {one.name: one.status.value for one in verdict.invariants}
    undecided = [name for name, status in statuses.items() if status == "not decidable"]
    assert verdict.to_json()["not_decided"] == undecided


def test_a_clean_verdict_says_why_a_kernel_has_no_default_probe(tmp_path: Path) -> None:
    missing = dict.fromkeys(("accept_memory", "unaccepted_memory_lock"), "k has no symbols")
    given = DefaultProbes((), missing)
    verdict = replay_run(booted(accept="eager").write(tmp_path / "run", default_probes=given))
    assert verdict.headline.endswith(" Not decided: I5, I8: k has no symbols.")


def test_a_default_probe_that_is_silent_leaves_the_invariant_undecided_and_the_run_clean(
    tmp_path: Path,
) -> None:
    guest, names = booted(accept="eager"), ("unaccepted_memory_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore")  # fmt: skip
    guest.probes = names
    folder = guest.write(tmp_path / "run", default_probes=DefaultProbes(names[:1]))
    verdict = replay_run(folder)
    assert (verdict.verdict, verdict.to_json()["not_decided"]) == ("clean", ["I5", "I8"])


def replayed(folder: Path) -> tuple[int, str]:
    done = invoke(["replay", str(folder)])
    return done.exit_code, done.stdout


def test_reasons_are_called_undecided_for_that_verdict_alone(guest: Guest, tmp_path: Path) -> None:
    folder = guest.write(tmp_path / "timeout", outcome="timeout", reason="no output")
    code, out = replayed(folder)
    assert (code, "undecided: The guest did not run to completion" in out) == (4, True)
    broken = booted()
    broken.console.append("kernel BUG at mm/a.c:1!")
    folder = broken.write(tmp_path / "broken", outcome="timeout", reason="no output")
    code, out = replayed(folder)
    assert (code, "undecided:" in out) == (1, False)
    assert "besides: The guest did not run to completion" in out


@pytest.mark.parametrize("outcome", ["timeout", "killed", "panic"])
def test_a_run_that_was_ended_is_headed_by_that_and_not_by_its_cut_trace(
    outcome: str, tmp_path: Path
) -> None:
    guest = Guest()
    guest.boot()
    verdict = replay_run(guest.write(tmp_path / "run", outcome=outcome, reason="after 600 s"))
    ended = f"The guest did not run to completion ({outcome}: after 600 s)."
    assert verdict.verdict == "undecided" and ended in verdict.reasons
    assert verdict.headline.startswith(ended) == (outcome != "panic")
    assert any("no end record" in one for one in verdict.reasons)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_run_that_may_only_be_read_is_judged(
    run: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_text", refuses)
    monkeypatch.setattr(Path, "unlink", refuses)
    assert replay_run(run).verdict == "clean"
    code, out = replayed(run)
    assert code == 0
    assert [line for line in out.splitlines() if "not stored" in line] == [
        f"  not stored: cannot write {run / 'verdict.json'}: {os.strerror(number)}"
    ]
    assert not (run / "verdict.json").exists()


def test_a_full_disk_is_no_folder_that_may_only_be_read(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadInput, match="cannot write"):
        replay_run(run)
