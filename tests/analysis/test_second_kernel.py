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
from acceptlab.analysis.run.run_info import SecondKernel
from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_PRIVATE,
    PAGE_SIZE,
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
