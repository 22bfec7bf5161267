# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that the guest started itself: what its own counter has to agree with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import FIRST, SECOND, Kernel, Probe, SecondKernel
from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_PRIVATE,
    PAGE_SIZE,
    UNIT_SIZE,
    Access,
    Kind,
    Stage,
    StopReason,
)
from tests.analysis.synthetic import BLOCK, MIB, Guest


def second_kernel(**labels: int) -> Guest:
    """A guest that accepts something in each of its two kernels; `labels` are blocks that a count has too many."""
    guest = Guest()
    guest.boot()
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.accept_memory(guest.layout.low + 40 * MIB, 2 * BLOCK)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.meminfo("second_start", labels.get("second_start", 0))
    guest.accept_memory(guest.layout.low + 52 * MIB, BLOCK)
    guest.meminfo("second_end", labels.get("second_end", 0))
    guest.end()
    return guest


def stopped(before: Callable[[Guest, int], None], stage: Stage) -> Guest:
    """A guest that is stopped in a page in that stage, after `before` did something with the page."""
    guest = Guest()
    guest.boot()
    page = guest.layout.low + 44 * MIB
    before(guest, page)
    for following in (Stage.SECOND_DECOMPRESSOR, Stage.SECOND_KERNEL):
        if following <= stage:
            guest.stage(following)
    detail = Access.READ | ACCESS_DETAIL_PRIVATE
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=detail)
    guest.end()
    return guest


def shared(guest: Guest, page: int) -> None:
    guest.accept_memory(page - page % BLOCK, BLOCK)
    guest.share(page, PAGE_SIZE)


@pytest.mark.parametrize(
    ("before", "stage", "title"),
    [
        (shared, Stage.SECOND_DECOMPRESSOR, "accessed a page that the first kernel left shared"),
        (shared, Stage.SECOND_KERNEL, "accessed a page that the first kernel left shared"),
        (shared, Stage.USERSPACE, "private access to a shared page: the C-bit is wrong"),
        (lambda *_: None, Stage.SECOND_DECOMPRESSOR,
         "loaded a second kernel into unaccepted memory"),
        (lambda *_: None, Stage.SECOND_KERNEL, "accessed a page it never accepted"),
    ],
)  # fmt: skip
def test_the_finding_tells_what_kexec_forgot(
    tmp_path: Path, before: Callable[[Guest, int], None], stage: Stage, title: str
) -> None:
    verdict = judged(stopped(before, stage), tmp_path)
    assert [one.title for one in verdict.findings] == [title]


def judged(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    return judge(Run.open(guest.write(folder / "run", **changes)))


def test_both_kernels_counts_are_held_to_what_was_left_in_their_time(tmp_path: Path) -> None:
    verdict = judged(second_kernel(), tmp_path, second=SecondKernel("kexec"))
    assert verdict.verdict == "clean", verdict.findings


@pytest.mark.parametrize("label", ["second_start", "second_end"])
def test_a_wrong_count_of_the_second_kernel_is_caught(tmp_path: Path, label: str) -> None:
    verdict = judged(second_kernel(**{label: 9}), tmp_path, second=SecondKernel("kexec"))
    assert [one.evidence["label"] for one in verdict.findings] == [label]


def test_a_crash_kernel_counts_only_what_was_set_apart_for_it(tmp_path: Path) -> None:
    guest = second_kernel(second_start=9, second_end=9)
    verdict = judged(guest, tmp_path, second=SecondKernel("kdump"))
    assert verdict.verdict == "clean", verdict.findings


@pytest.mark.parametrize(
    ("stage", "caught"), [(Stage.SECOND_KERNEL, False), (Stage.SECOND_USERSPACE, True)]
)
def test_a_second_kernel_needs_guard_units_as_the_first_does(
    tmp_path: Path, stage: Stage, caught: bool
) -> None:
    """What a kernel accepts before its userspace runs may have any shape."""
    guest = Guest()
    guest.boot()
    for following in (Stage.SECOND_DECOMPRESSOR, Stage.SECOND_KERNEL, Stage.SECOND_USERSPACE):
        guest.stage(following)
        if following == stage:
            guest.guard = False
            guest.accept_memory(guest.layout.low + 40 * MIB, BLOCK)
    guest.end()
    verdict = judged(guest, tmp_path, second=SecondKernel("kexec"))
    assert [one.invariant for one in verdict.findings] == ["I5"] * caught


REQUESTS = ("accept_memory",)
KEXEC = SecondKernel("kexec")


def started_again(guest: Guest, *, watched: bool = True, guard: bool = True) -> Guest:
    """Boot, and have a second kernel accept 4 MiB before its userspace runs."""
    guest.boot()
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.guard = guard
    if not watched:
        guest.probes = ()
    guest.accept_memory(guest.layout.low + 40 * MIB, BLOCK)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    return guest


def status_of(verdict: Verdict, name: str) -> str:
    return next(one.status.value for one in verdict.invariants if one.name == name)


@pytest.mark.parametrize("guard", [True, False])
def test_requests_of_a_second_kernel_are_held_to_their_guard_units(
    guard: bool, tmp_path: Path
) -> None:
    guest = started_again(Guest(probes=REQUESTS), guard=guard)
    verdict = judged(guest, tmp_path, second=KEXEC)
    found = [(one.invariant, int(one.evidence["gpa"], 16)) for one in verdict.findings]
    assert found == ([] if guard else [("I5", guest.layout.low + 44 * MIB)])
    assert status_of(verdict, "I5") == ("holds" if guard else "broken")


def test_requests_of_a_second_kernel_that_were_not_watched_are_not_decided(tmp_path: Path) -> None:
    guest = started_again(Guest(probes=REQUESTS), watched=False, guard=False)
    guest.probes = REQUESTS
    verdict = judged(guest, tmp_path, second=KEXEC)
    assert (verdict.verdict, status_of(verdict, "I5")) == ("clean", "not decidable")


@pytest.mark.parametrize("named", [True, False])
def test_another_second_kernel_has_arguments_of_its_own(named: bool, tmp_path: Path) -> None:
    """Linux 6.1 with the series has (start, end), 6.12 (start, size); what a kernel says of itself comes first."""
    guest = Guest(probes=(*REQUESTS, *REQUESTS))
    guest.boot()
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    start = guest.layout.low + 40 * MIB
    guest.event(Kind.PROBE_ENTER, start, start + BLOCK, detail=1)
    for unit in range(start, start + BLOCK, UNIT_SIZE):
        guest.accept_unit(unit)
    guest.event(Kind.PROBE_RETURN, detail=1)
    guest.bits[20:22] = False
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    seconds = {FIRST: "size", SECOND: "end"}
    probes = tuple(
        Probe("accept_memory", 0, ("start", what) if named else (), kernel)
        for kernel, what in seconds.items()
    )
    other = SecondKernel("kexec", Kernel(version="" if named else "6.1.176"))
    verdict = judged(guest, tmp_path, second=other, probes=probes)
    assert [int(one.evidence["gpa"], 16) for one in verdict.findings] == [start + BLOCK]


def test_a_call_that_the_first_kernel_left_open_does_not_return_in_the_second(
    tmp_path: Path,
) -> None:
    guest = Guest(probes=REQUESTS)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, guest.layout.low + 48 * MIB, BLOCK)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.accept_memory(guest.layout.low + 40 * MIB, BLOCK)
    guest.event(Kind.PROBE_RETURN)
    guest.event(Kind.PROBE_RETURN)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    verdict = judged(guest, tmp_path, second=KEXEC)
    assert verdict.findings == [] and status_of(verdict, "I5") == "holds"


LOCK, MOVED = 0xFFFFFFFF82000040, 0x3000_0000
"""The link-time address of the lock, and by how much the second kernel lies elsewhere."""
LOCK_PROBES = ("unaccepted_memory_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore")
TAKE, RELEASE = 1, 2


def with_lock(acts: str, offset: int = MOVED) -> Guest:
    """A second kernel that takes and releases the lock at its offset, and accepts, in the order of `acts` ("t", "r", "a")."""
    guest = Guest(probes=LOCK_PROBES)
    guest.boot()
    for function in (TAKE, RELEASE):
        guest.event(Kind.PROBE_ENTER, LOCK, detail=function)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    for act in acts:
        if act == "a":
            guest.accept_memory(guest.layout.low + 40 * MIB, BLOCK)
        else:
            function = TAKE if act == "t" else RELEASE
            guest.event(Kind.PROBE_ENTER, LOCK + offset, detail=function)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    return guest


def lock_verdict(guest: Guest, folder: Path) -> tuple[str, list[str]]:
    """What I8 says, and the invariants that are broken."""
    probes = tuple(Probe(name, LOCK) for name in LOCK_PROBES)
    report = {"kaslr_offset": "0x0", "second_kaslr_offset": f"{MOVED:#x}"}
    verdict = judged(guest, folder, second=KEXEC, probes=probes, report=report)
    return status_of(verdict, "I8"), sorted({one.invariant for one in verdict.findings})


@pytest.mark.parametrize(
    ("acts", "offset", "expected"),
    [
        ("tar", MOVED, ("broken", ["I8"])),
        ("tra", MOVED, ("holds", [])),
        # Where the first kernel had its lock, the second has something else.
        ("tar", 0, ("not decidable", [])),
        ("a", MOVED, ("not decidable", [])),
    ],
)
def test_a_second_kernel_s_lock_is_where_that_kernel_lies(
    acts: str, offset: int, expected: tuple[str, list[str]], tmp_path: Path
) -> None:
    assert lock_verdict(with_lock(acts, offset), tmp_path) == expected


def test_a_second_kernel_that_only_converts_pages_takes_no_lock(tmp_path: Path) -> None:
    """Probes that fire show that they work there."""
    guest = Guest(probes=(*LOCK_PROBES, *REQUESTS))
    guest.boot()
    for function in (TAKE, RELEASE):
        guest.event(Kind.PROBE_ENTER, LOCK, detail=function)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.event(Kind.PROBE_ENTER, MIB, PAGE_SIZE, detail=3)
    guest.share(8 * MIB, PAGE_SIZE)
    guest.unshare(8 * MIB, PAGE_SIZE)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    names = (*LOCK_PROBES, *REQUESTS)
    probes = tuple(Probe(name, LOCK) for name in names)
    verdict = judged(guest, tmp_path, second=KEXEC, probes=probes)
    assert status_of(verdict, "I8") == "holds"


def test_a_lock_that_the_first_kernel_held_went_with_it(tmp_path: Path) -> None:
    """As the kernel of a crash in accept_memory()."""
    guest = Guest(probes=LOCK_PROBES)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, LOCK, detail=TAKE)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.accept_memory(guest.layout.low + 40 * MIB, BLOCK)
    for function in (TAKE, RELEASE):
        guest.event(Kind.PROBE_ENTER, LOCK + MOVED, detail=function)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    assert lock_verdict(guest, tmp_path) == ("holds", [])


def test_a_page_that_the_second_kernel_shared_itself_is_not_left_by_the_first(
    tmp_path: Path,
) -> None:
    guest = Guest()
    guest.boot()
    page = guest.layout.low + 44 * MIB
    guest.accept_memory(page - page % BLOCK, BLOCK)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.share(page, PAGE_SIZE)
    detail = Access.READ | ACCESS_DETAIL_PRIVATE
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=detail)
    guest.end()
    titles = [one.title for one in judged(guest, tmp_path).findings]
    assert titles == ["private access to a shared page: the C-bit is wrong"]
