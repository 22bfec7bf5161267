# SPDX-License-Identifier: GPL-2.0-only
"""Lines of a console that mean trouble, as kernels print them; and lines that only look like it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.invariants.guest_findings import NO_MEMORY
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run import trouble
from acceptlab.analysis.run.console import read_console
from acceptlab.analysis.run.run_info import SecondKernel
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.synthetic import MIB, Guest, Layout, booted
from tests.examples import examples

TROUBLE = [
    (trouble.OUT_OF_MEMORY, "init invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP), order=0, oom_score_adj=0"),
    (trouble.OUT_OF_MEMORY, "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=init,pid=57,uid=0"),
    (trouble.OUT_OF_MEMORY, "Out of memory: Killed process 57 (init) total-vm:1923404kB, anon-rss:1861120kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:3700kB oom_score_adj:0"),
    (trouble.OUT_OF_MEMORY, "Memory cgroup out of memory: Killed process 2269 (python) total-vm:31786400kB, anon-rss:13945980kB"),
    (trouble.OUT_OF_MEMORY, "Kernel panic - not syncing: System is deadlocked on memory"),
    (trouble.OUT_OF_MEMORY, "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled"),
    (trouble.NO_PAGES, "swapper/0: page allocation failure: order:9, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null),cpuset=/,mems_allowed=0"),
    (trouble.NO_PAGES, "vmap allocation for size 20480 failed: use vmalloc=<size> to increase size"),
    (trouble.NO_PAGES, "SLUB: Unable to allocate memory on CPU 0 (of node 0) on node -1, gfp=0xcc0(GFP_KERNEL)"),
    (trouble.LOCKUP, "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [swapper/0:1]"),
    (trouble.LOCKUP, "watchdog: Watchdog detected hard LOCKUP on cpu 1"),
    (trouble.LOCKUP, "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!"),
    (trouble.HUNG, "INFO: task kworker/0:1:12 blocked for more than 120 seconds."),
    (trouble.HUNG, "INFO: task init:1 blocked in I/O wait for more than 241 seconds."),
    (trouble.RCU_STALL, "rcu: INFO: rcu_sched self-detected stall on CPU"),
    (trouble.RCU_STALL, "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"),
    (trouble.RCU_STALL, "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 jiffies s: 541 root: 0x2/."),
    (trouble.RCU_STALL, "rcu: rcu_sched kthread starved for 5250 jiffies! g1 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1"),
    (trouble.LOCKDEP, "WARNING: possible circular locking dependency detected"),
    (trouble.LOCKDEP, "WARNING: possible recursive locking detected"),
    (trouble.LOCKDEP, "WARNING: inconsistent lock state"),
    (trouble.LOCKDEP, "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"),
    (trouble.LOCKDEP, "WARNING: suspicious RCU usage"),
    (trouble.LOCKDEP, "[ BUG: Invalid wait context ]"),
    (trouble.LOCKDEP, "BUG: MAX_LOCKDEP_CHAIN_HLOCKS too low!"),
    (trouble.LOCKDEP, "turning off the locking correctness validator."),
    (trouble.LOCKDEP, "INFO: trying to register non-static key."),
    (trouble.LOCKDEP, "INFO: lockdep is turned off."),
    (trouble.SANITIZER, "BUG: KASAN: slab-out-of-bounds in accept_memory+0x1f3/0x2a0"),
    (trouble.SANITIZER, "UBSAN: shift-out-of-bounds in mm/page_alloc.c:6900:2"),
    (trouble.ACCEPT, "Failed to accept memory"),
    (trouble.ACCEPT, "Kernel panic - not syncing: TDX: Failed to accept memory"),
    (trouble.ACCEPT, "Kernel panic - not syncing: Unexpected EPT-violation on private memory."),
    (trouble.ACCEPT, "Failed to validate address 0xffff888040000000 ret 1"),
    (trouble.EXCEPTION, "SEV: Unsupported exit-code 0x404 in #VC exception (IP: 0xffffffff81c8a64b)"),
    (trouble.EXCEPTION, "SEV: Failure in communication with VMM (exit-code 0x80000010 IP: 0xffffffff81001234)"),
    (trouble.EXCEPTION, "SEV: Failed to decode instruction (exit-code 0x400 IP: 0xffffffff81001234)"),
    (trouble.EXCEPTION, "PANIC: Unhandled #VC exception in kernel space (result=5)"),
    (trouble.EXCEPTION, "tdx: Unexpected #VE: 48"),
    (trouble.EXCEPTION, "VE fault: 0000 [#1] PREEMPT SMP NOPTI"),
    (trouble.PANIC, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"),
    (trouble.OOPS, "BUG: kernel NULL pointer dereference, address: 0000000000000390"),
    (trouble.OOPS, "BUG: unable to handle page fault for address: ffff888040000000"),
    (trouble.OOPS, "Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI"),
    (trouble.OOPS, "invalid opcode: 0000 [#1] PREEMPT SMP"),
    (trouble.OOPS, "general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] SMP"),
    (trouble.OOPS, "traps: PANIC: double fault, error_code: 0x0"),
    (trouble.OOPS, "PANIC: early exception 0x0e IP 10:ffffffff9f0a1b2c error 0 cr2 0xff2f000000000000"),
    (trouble.BUG, "kernel BUG at mm/memblock.c:1200!"),
    (trouble.BUG, "BUG: Bad page state in process init  pfn:40000"),
    (trouble.BUG, "BUG: sleeping function called from invalid context at mm/page_alloc.c:4700"),
    (trouble.BUG, "BUG: scheduling while atomic: swapper/0/1/0x00000002"),
    (trouble.MSR, "unchecked MSR access error: WRMSR to 0xc0010130 (tried to write 0x0000000000000000) at rIP: 0xffffffff81078e24"),
    (trouble.WARNING, "WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:6950 accept_page+0x10/0x20"),
    (trouble.WARNING, "WARNING: mm/page_alloc.c:6950 at accept_page+0x10/0x20, CPU#0: swapper/0/1"),
    (trouble.WARNING, "WARNING: stack recursion on stack type 1"),
    (trouble.KUNIT, "    not ok 3 accept_twice"),
    (trouble.WORKLOAD, "ACCEPTLAB workload touch end result=Cannot allocate memory"),
    (trouble.NOT_RUN, "ACCEPTLAB workload devmem end result=Operation not permitted"),
    (trouble.NOT_RUN, "ACCEPTLAB workload frobnicate unknown"),
]  # fmt: skip

INNOCENT = [
    "Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!",
    "Kernel command line: console=ttyS0 oops=panic panic_on_warn=1 hung_task_panic=1 softlockup_panic=1",
    "ACPI BIOS Warning (bug): Optional FADT field Pm2ControlBlock has valid Length but zero Address: 0x0/0x1",
    "[Firmware Bug]: TSC doesn't count with P0 frequency!",
    "x86/mm: Checked W+X mappings: passed, no W+X pages found.",
    "ramoops: using module parameters",
    "kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)",
    "rcu: \tRCU event tracing is enabled.",
    "rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.",
    "Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar",
    "watchdog: Delayed init of the lockup detector failed: -19",
    "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
    "systemd-journald[120]: Received SIGTERM from PID 1 (systemd).",
    "debug: no BUGs here",
    "W: mdadm: WARNING: no arrays defined in configuration file",
    "ACCEPTLAB workload touch end result=ok",
    "ACCEPTLAB workload touch begin amount=67108864",
    "---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009 ]---",
    "    ok 1 accept_twice",
    "    not ok 2 accept_shared # SKIP no shared memory",
    "",
]


@pytest.mark.parametrize("prefix", ["", "[    1.234567] ", "<4>[    1.234567][    T1] "])
@pytest.mark.parametrize(("kind", "line"), TROUBLE)
def test_trouble_is_found_by_its_kind(kind: str, line: str, prefix: str) -> None:
    collector = trouble.Collector()
    assert collector.read(f"{prefix}{line}\r\n")
    (found,) = collector.troubles.values()
    assert (found.kind, found.lines, found.count) == (kind, [line.strip()], 1)


@pytest.mark.parametrize("line", INNOCENT)
def test_what_only_looks_like_trouble_is_none(line: str) -> None:
    assert list(trouble.scan([f"[    0.000000] {line}\r\n", f"{line}\n"])) == []


def test_every_kind_has_a_line() -> None:
    assert {kind for kind, _ in TROUBLE} == set(trouble.TITLES)


def test_a_line_is_shown_without_control_characters(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("\x1b[31mkernel BUG at \x07mm/a.c:1!\x1b[0m\n")
    (found,) = read_console(tmp_path / "console.log").trouble
    assert found.lines == ["kernel BUG at mm/a.c:1!"]


LOADED = "ACCEPTLAB second kernel loaded for kdump"
CRASH = "[   3.1] Kernel panic - not syncing: sysrq triggered crash"
KILLED = TROUBLE[2][1]


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([LOADED, CRASH, "ACCEPTLAB second userspace", "ACCEPTLAB done"], []),
        ([CRASH], [trouble.PANIC]),
        ([LOADED.replace("kdump", "kexec"), CRASH], [trouble.PANIC]),
        ([LOADED, "Kernel panic - not syncing: Oh dear"], [trouble.PANIC]),
        ([LOADED, CRASH, "ACCEPTLAB second userspace", CRASH], [trouble.PANIC]),
        ([LOADED, "kernel BUG at mm/a.c:1!", CRASH], [trouble.BUG]),
        (
            ["ACCEPTLAB workload exhaust begin amount=1", KILLED, "ACCEPTLAB workload exhaust end result=Out of memory"],
            [],
        ),
        (["ACCEPTLAB workload exhaust begin amount=1", "ACCEPTLAB workload exhaust end result=ok", KILLED], [trouble.OUT_OF_MEMORY]),
        (["ACCEPTLAB workload exhaust end result=Interrupted system call"], [trouble.WORKLOAD]),
        (["ACCEPTLAB workload touch begin amount=1", KILLED], [trouble.OUT_OF_MEMORY]),
    ],
)  # fmt: skip
def test_what_a_workload_provokes_on_purpose_is_no_trouble(
    lines: list[str], kinds: list[str]
) -> None:
    collector = trouble.Collector()
    for line in lines:
        collector.read(line)
    assert list(collector.troubles) == kinds


# --- the verdict ---------------------------------------------------------------------------

OOM = [
    "[  9.1] init invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP), order=0, oom_score_adj=0",
    "[  9.1] Mem-Info:",
    "[  9.1]  free:1536 free_pcp:12 free_cma:0",
    "[  9.2] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=init,pid=57,uid=0",
    "[  9.2] Out of memory: Killed process 57 (init) total-vm:1923404kB, anon-rss:1861120kB",
]


def judged(folder: Path, lines: list[str], guest: Guest | None = None, **changes: Any) -> Verdict:
    guest = guest or Guest()
    guest.boot()
    guest.work()
    guest.console += lines
    guest.end()
    return replay_run(guest.write(folder / "run", **changes))


@pytest.fixture(scope="module")
def run_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return booted().write(tmp_path_factory.mktemp("trouble") / "run")


@pytest.fixture
def clean_run(run_of_the_module: Path) -> Iterator[Path]:
    """A clean run whose console a test may change."""
    console = run_of_the_module / "console.log"
    before = console.read_text()
    yield run_of_the_module
    console.write_text(before)


@pytest.mark.parametrize(
    ("kind", "line"), [one for one in TROUBLE if one[0] not in (trouble.OUT_OF_MEMORY, trouble.NO_PAGES, trouble.NOT_RUN)]
)  # fmt: skip
def test_a_run_with_trouble_is_not_clean(kind: str, line: str, clean_run: Path) -> None:
    with (clean_run / "console.log").open("a") as console:
        console.write(f"{line}\n")
    verdict = replay_run(clean_run, write=False)
    assert (verdict.verdict, verdict.exit_code) == ("findings", 1)
    (finding,) = verdict.findings
    assert (finding.invariant, finding.title) == ("guest", kind)
    assert line.strip().rstrip(".") in verdict.headline
    assert "broken" not in verdict.headline
    assert "broken" not in {one.status.value for one in verdict.invariants}


def test_a_lack_of_memory_while_memory_is_unaccepted_is_a_finding_of_its_own(
    tmp_path: Path,
) -> None:
    verdict = judged(tmp_path, OOM)
    (finding,) = verdict.findings
    assert (finding.invariant, finding.title) == ("guest", NO_MEMORY)
    evidence = finding.evidence
    assert (evidence["unaccepted"], evidence["accepted"]) == (48 * MIB, 16 * MIB)
    assert evidence["free"] == 6 * MIB
    assert "48 MiB of the 64 MiB" in finding.explanation
    assert "6 MiB free" in finding.explanation


@pytest.mark.parametrize(
    "line", [line for kind, line in TROUBLE if kind == trouble.NO_PAGES and "order" in line]
)
def test_a_failed_allocation_is_one_too(line: str, tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, [line]).findings
    assert (finding.title, "free" in finding.evidence) == (NO_MEMORY, False)


def memcg() -> list[str]:
    return [
        OOM[0],
        OOM[3].replace("CONSTRAINT_NONE", "CONSTRAINT_MEMCG"),
        f"Memory cgroup out of memory: {OOM[4].partition(': ')[2]}",
    ]


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        (memcg(), {}),
        ([OOM[0].replace("GFP_HIGHUSER_MOVABLE", "GFP_DMA32"), *OOM[1:]], {}),
        (OOM, {"command_line": "accept_memory=lazy mem=64M"}),
        ([LOADED, CRASH, "ACCEPTLAB second userspace", *OOM], {"second": SecondKernel("kdump")}),
    ],
)
def test_a_lack_that_unaccepted_memory_could_not_have_helped_is_only_that(
    lines: list[str], changes: dict[str, Any], tmp_path: Path
) -> None:
    titles = [one.title for one in judged(tmp_path, lines, **changes).findings]
    assert titles == [trouble.OUT_OF_MEMORY]


def test_a_lack_when_all_is_accepted_is_only_that(tmp_path: Path) -> None:
    guest = Guest(accept="eager")
    assert [one.title for one in judged(tmp_path, OOM, guest).findings] == [trouble.OUT_OF_MEMORY]


def test_exhaust_does_not_hide_memory_that_stays_unaccepted(tmp_path: Path) -> None:
    begin, end = (f"ACCEPTLAB workload exhaust {word}" for word in ("begin amount=1", "end result=Out of memory"))  # fmt: skip
    (finding,) = judged(tmp_path, [begin, *OOM, end]).findings
    assert finding.title == NO_MEMORY
    guest = Guest(accept="eager")
    assert judged(tmp_path / "eager", [begin, *OOM, end], guest).verdict == "clean"


def test_a_workload_that_the_kernel_does_not_allow_leaves_the_run_undecided(tmp_path: Path) -> None:
    line = "ACCEPTLAB workload devmem end result=Operation not permitted"
    verdict = judged(tmp_path, [line])
    assert verdict.verdict == "undecided"
    assert verdict.reasons == [f"A workload could not be run: {line}."]


def test_what_breaks_an_invariant_comes_before_what_came_of_it(tmp_path: Path) -> None:
    guest = Guest(layout=Layout())
    guest.boot()
    guest.event(Kind.FAULT, guest.layout.low + 56 * MIB, 1, detail=0x404 << 32 | 0x101)
    guest.work()
    guest.console.append("Kernel panic - not syncing: Attempted to kill init!")
    guest.end()
    verdict = replay_run(guest.write(tmp_path / "run"))
    assert [one.invariant for one in verdict.findings] == ["I1", "guest"]
    assert verdict.headline.startswith("I1 broken: ")


def test_a_kernel_without_support_that_runs_out_of_memory_is_called_that(tmp_path: Path) -> None:
    from acceptlab.analysis.run.run_info import KernelSupport

    verdict = judged(tmp_path, OOM, kernel_support=KernelSupport(True, False))
    assert verdict.verdict == "undecided"
    assert any("oom-killer" in reason for reason in verdict.reasons)


def test_a_line_of_the_console_that_the_log_has_too_counts_once(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    on_both = "[    1.000000] WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1 rmqueue+0x1/0x2"
    only_in_the_log = "[    2.000000] WARNING: CPU: 1 PID: 1 at mm/page_alloc.c:2 rmqueue+0x1/0x2"
    console.write_text(f"{on_both}\n")
    [warnings] = read_console(console, [on_both, only_in_the_log]).trouble
    assert (warnings.kind, warnings.count) == (trouble.WARNING, 2)


@pytest.mark.parametrize(
    "number", range(len(trouble._PATTERNS)), ids=lambda n: trouble._PATTERNS[n][0]
)
@examples(15)
@given(data=st.data())
def test_no_line_of_a_kind_lacks_all_the_texts_that_are_looked_for_first(
    number: int, data: st.DataObject
) -> None:
    """They only save time: whatever the pattern matches has one of them."""
    _, texts, pattern = trouble._PATTERNS[number]
    line = data.draw(st.from_regex(pattern))
    assert any(text in line for text in texts)
