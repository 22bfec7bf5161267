# SPDX-License-Identifier: GPL-2.0-only
"""Recordings as people have them: the right answer to each, from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import NOT_KNOWN
from tests.toolkit.in_process import Command, in_process

FOLDER = Path(__file__).with_name("cases")
START, SIZE = 0x40000000, 0x200000
FAILED = 1


@dataclass(frozen=True)
class Case:
    """What has to come of a file: accepts as (duration in units of the clock, result), or a refusal whose line has ``says``.

    ``problem`` is a part of what makes the trace incomplete, empty: it is complete. ``skipped``: lines without an entry. ``said`` is a part of
    what the import prints.
    """

    accepts: tuple[tuple[int | None, int], ...] = ()
    problem: str = ""
    says: str = ""
    skipped: int = 0
    said: str = ""
    findings: tuple[str, ...] = ()
    function: str | None = "tdx_accept_memory"
    outcome: str = NOT_KNOWN
    starts: tuple[int, ...] = (START,)


ONE = ((8000, 0),)
TWO = ((5000, 0), (5000, 0))
SORTED = "out of order and have been sorted"
NO_END = "so its end may be missing"
PERF = "perf script does not mark the end"
TRACER = "record probes or tracepoints with tracer nop"
TRACE_TEXT = "print acceptlab's trace text instead (docs/trace-text.md)"


def ordered(problem: str = "", **more: object) -> Case:
    """Two accepts of one page, by tracepoints."""
    given: dict[str, object] = {"function": None, "starts": (START, START), "accepts": TWO, **more}
    return Case(problem=problem, **given)  # type: ignore[arg-type]


CASES: dict[str, Case] = {
    # bpftrace and bcc
    "b01-bpftrace-printf.txt": Case(says=TRACE_TEXT),
    "b02-bcc-trace.txt": Case(says=f"output of bcc's trace: {TRACE_TEXT}"),
    "b04-text-stderr-mixed.txt": Case(((8, 0),), skipped=1, said="line 4: '^C'"),
    "b05-text-func-prefix.txt": Case(((8, 0),)),
    "b06-text-unsorted.txt": Case(((8, 0),), said=SORTED),
    "b07-chrome-json.json": Case(says="Chrome's JSON"),
    "b08-bpftrace-016-attaching.txt": Case(((8, 0),)),
    "b09-bpftrace-ret-wide.txt": Case(((8, 0),)),
    "d01-kretprobe-named.dat": Case(
        ((8000, 0),) * 3, starts=(START, START + SIZE, START + 2 * SIZE)
    ),
    # order in time
    "o01-in-time-order.txt": ordered(),
    "o02-per-cpu-concatenated.txt": ordered(said=SORTED),
    "o03-bpftrace-time-order.txt": ordered(accepts=((5, 0), (5, 0))),
    "o04-bpftrace-per-cpu-order.txt": ordered(accepts=((5, 0), (5, 0)), said=SORTED),
    "o05-perf-time-order.txt": ordered(PERF),
    "o06-perf-per-cpu.txt": ordered(PERF, said=SORTED),
    "o07-defect-in-time-order.txt": ordered(findings=("I2",)),
    "o08-defect-hidden-by-order.txt": ordered(findings=("I2",), said=SORTED),
    "o11-two-instances-tracefs.txt": ordered("6 of the entries occur twice"),
    # perf script
    "p01-basic.txt": Case(ONE, PERF),
    "p03-cycles-first.txt": Case(ONE, PERF),
    "p04-pidtid.txt": Case(ONE, PERF),
    "p05-no-comm.txt": Case(ONE, PERF),
    "p06-no-time.txt": Case(says="perf script --fields +time"),
    "p07-ns-time.txt": Case(((8333, 0),), PERF),
    "p08-deltatime.txt": Case(says="--deltatime"),
    "p09-sym-trailing.txt": Case(ONE, PERF),
    "p10-guest-label.txt": Case(ONE, PERF),
    "p11-header.txt": Case(ONE, PERF),
    "p12-lost.txt": Case(ONE, "perf lost events"),
    "p13-perf-trace.txt": Case(says="output of perf trace"),
    "p14-perf-ftrace.txt": Case(says=f"tracer function_graph: {TRACER}"),
    "p15-accept-end-decimal.txt": Case(ONE, PERF),
    "p16-machine-vcpu.txt": Case(ONE, PERF),
    "p20-perf-ret-refused.txt": Case(((8000, FAILED),), PERF),
    "p21-perf-comm-with-digits.txt": Case(((None, 0),), PERF),
    "p23-perf-system-wide-mixed.txt": Case(ONE, PERF),
    "p24-perf-warning-lines.txt": Case(ONE, "perf lost events", skipped=2),
    "p26-perf-lost-samples.txt": Case(ONE, "perf lost events"),
    "p27-perf-hex-addr-frame-srcline.txt": Case(ONE, PERF, skipped=1, said="tdx-shared.c:41"),
    "p28-perf-inline-frames.txt": Case(ONE, PERF),
    # ftrace and trace-cmd report
    "t01-named-probe.txt": Case(ONE),
    "t02-default-names.txt": Case(ONE),
    "t03-arg1-arg2.txt": Case(ONE),
    "t04-fprobe.txt": Case(ONE),
    "t05-tracecmd-default-names.txt": Case(ONE, NO_END),
    "t06-tracecmd-named.txt": Case(ONE, NO_END),
    "t07-fprobe-tracecmd.txt": Case(ONE, NO_END),
    "t08-hex-no-0x.txt": Case(ONE),
    "t09-args-addr-len.txt": Case(ONE),
    "t10-function-tracer.txt": Case(says=f"tracer function: {TRACER}"),
    "t11-function-graph.txt": Case(says=f"tracer function_graph: {TRACER}"),
    "t12-function-graph-args.txt": Case(says=f"tracer function_graph: {TRACER}"),
    "t13-marker-two-lines.txt": Case(ONE, skipped=1, said="line 14: 'second line of the marker'"),
    "t14-printk-two-lines.txt": Case(ONE, skipped=1, said="line 14: 'low=12'"),
    "t15-latency-format.txt": Case(says="turn off options/latency-format"),
    "t16-clock-tsc.txt": Case(says="trace_clock x86-tsc"),
    "t17-clock-counter.txt": Case(says="trace_clock counter"),
    "t18-clock-uptime.txt": Case(((10_000_000, 0),)),
    "t19-clock-tai.txt": Case(((811_000, 0),)),
    "t20-lost-events.txt": Case(ONE, "lost 12 events"),
    "t21-cpu-buffer-started.txt": Case(ONE, "2 of 3 entries are there"),
    "t22-annotate-idle.txt": Case(ONE),
    "t23-tgid.txt": Case(ONE),
    "t24-odd-comm.txt": Case(ONE),
    "t25-kworker.txt": Case(ONE),
    "t26-cpu-4-digits.txt": Case(ONE),
    "t27-many-flags.txt": Case(ONE),
    "t28-stack-below.txt": Case(ONE, "3 of 6 entries are there", skipped=3),
    "t29-hist-trigger.txt": Case(ONE, "2 of 8 entries are there", skipped=1),
    "t30-tp-printk.txt": Case(ONE, NO_END),
    "t32-two-files.txt": Case(
        ((None, 0),), "two recordings in one file, trace.dat and trace-guest.dat"
    ),
    "t33-crlf.txt": Case(ONE),
    "t34-utf8-bom.txt": Case(ONE),
    "t35-pasted-quoted.txt": Case(ONE),
    "t36-no-final-newline.txt": Case(ONE),
    "t37-ansi-grep-colour.txt": Case(ONE),
    "t38-shell-prompt-first.txt": Case(ONE),
    "t39-prompt-user.txt": Case(ONE, skipped=1),
    "t40-grepped.txt": Case(ONE, NO_END),
    "t41-grep-n.txt": Case(ONE, NO_END),
    "t42-grep-H.txt": Case(ONE, NO_END),
    "t43-refused.txt": Case(((8000, FAILED),)),
    "t44-refused-retval-bool-text.txt": Case(((8000, FAILED),)),
    "t45-ret-bool-y.txt": Case(ONE),
    "t46-console-cat-trace.txt": Case(ONE, outcome="userspace"),
    "t50-accept_memory-611.txt": Case(function="accept_memory", starts=()),
    "t51-accept_memory-612.txt": Case(function="accept_memory", starts=()),
    "t53-snp-early-hook.txt": Case(function="snp_accept_memory_early", starts=()),
    "t54-isra-suffix.txt": Case(ONE, "tdx_accept_memory.isra.0 is a part of"),
    "t55-__pfx-offset.txt": Case(ONE, "inside tdx_accept_memory(), at +0x10"),
    "t56-offset-inside.txt": Case(ONE, "inside tdx_accept_memory(), at +0x5"),
    "t58-twice-two-instances.txt": Case(ONE, "the file contains a recording twice"),
}


@pytest.fixture
def acceptlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process: exit code, stdout, stderr."""

    return in_process(monkeypatch, capsys)


def test_every_recording_has_its_answer() -> None:
    assert set(CASES) == {one.name for one in FOLDER.iterdir()} - {"README.md"}


@pytest.mark.parametrize("name", CASES)
def test_a_recording_gets_the_right_answer(name: str, acceptlab: Command, tmp_path: Path) -> None:
    case, folder = CASES[name], tmp_path / "run"
    code, out, err = acceptlab(
        "import", str(FOLDER / name), "--platform", "tdx", "--out", str(folder)
    )
    if case.says:
        (line,) = [one for one in err.splitlines() if one.startswith("acceptlab: ")]
        assert (code, out) == (2, "")
        assert case.says in line and name in line
        assert not folder.exists()
        return
    assert code == 0, err
    assert case.said in out
    check_run(folder, case)


def check_run(folder: Path, case: Case) -> None:
    info = Run.open(folder).info
    frame_ = pd.read_parquet(folder / "events.parquet")
    accepts = frame_[frame_["kind"] == "accept"]
    durations = [None if pd.isna(one) else int(one) for one in accepts["duration"]]
    assert tuple(zip(durations, accepts["result"], strict=True)) == case.accepts
    assert tuple(accepts["gpa"]) == case.starts[: len(case.accepts)]
    assert set(accepts["size"]) <= {SIZE}
    assert case.problem in (info.events.problem or "")
    assert info.events.complete == (not case.problem)
    assert info.other["imported"].get("skipped", 0) == case.skipped
    assert [one.name for one in info.probes] == ([case.function] if case.function else [])
    assert (info.outcome, info.machine.accept, info.machine.memory) == (case.outcome, NOT_KNOWN, 0)
    assert (info.host.backing, info.host.assign) == (NOT_KNOWN, NOT_KNOWN)
    verdict = replay_run(folder)
    assert verdict.verdict == ("findings" if case.findings else "undecided")
    assert tuple(sorted({one.invariant for one in verdict.findings})) == case.findings
    assert verdict.seen.startswith(begin_of(case))
    assert f", {refusals_of(case)}" in verdict.seen or not case.accepts
    assert case.findings or verdict.headline.startswith(f"{verdict.seen}.")
    assert verdict.exit_code == (1 if case.findings else 4)


def begin_of(case: Case) -> str:
    """Return how the sentence about what was seen begins."""
    count = len(case.accepts)
    return f"{count} accept{'' if count == 1 else 's'}, " if count else "No accept was recorded"


def refusals_of(case: Case) -> str:
    """Return what that sentence says of refusals; a recording without returns has no results."""
    if any(duration is None for duration, _ in case.accepts):
        return "refusals were not recorded"
    refused = sum(bool(result) for _, result in case.accepts)
    return f"{refused or 'none'} refused"
