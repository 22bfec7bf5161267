# SPDX-License-Identifier: GPL-2.0-only
"""Addresses of a kernel that the guest started itself: named by that kernel's symbols, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.kernel.symbols import RunSymbols, Symbols, symbols_of_run
from acceptlab.analysis.measure.latency.latencies import measure
from acceptlab.analysis.measure.latency.stalls import Where
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Kernel, SecondKernel
from acceptlab.analysis.trace.schema import UNIT_SIZE, CallerHow, Kind, Stage
from tests.analysis.synthetic import ACCEPT_RIP, MIB, Guest

MOVED = 0x2000000
REPORT = {"kaslr_offset": "0x0", "second_kaslr_offset": f"{MOVED:#x}"}
PLACES: list[tuple[int, str, str]] = [(ACCEPT_RIP, "T", "handle_mm_fault")]
OTHER: list[tuple[int, str, str]] = [(ACCEPT_RIP, "T", "deferred_init_memmap_chunk")]


def map_file(folder: Path, name: str, function: str) -> str:
    path = folder / name
    path.write_text(f"{ACCEPT_RIP - MIB:016x} T _text\n{ACCEPT_RIP:016x} T {function}\n")
    return str(path)


def own(folder: Path) -> SecondKernel:
    return SecondKernel("kexec", Kernel("other", vmlinux=map_file(folder, "other", "of_second")))


def same(folder: Path) -> SecondKernel:
    return SecondKernel("kexec", Kernel("first", vmlinux=map_file(folder, "first", "of_first")))


@pytest.mark.parametrize(
    ("second", "report", "name"),
    [
        (same, REPORT, "of_first"),
        (own, REPORT, "of_second"),
        # Of neither is there a checksum: that is no sign that they are one.
        (lambda _: SecondKernel("kexec", Kernel("other")), REPORT, None),
        (lambda _: SecondKernel("kexec", Kernel("first", sha256="12")), REPORT, None),
        (lambda _: SecondKernel("kexec"), REPORT, None),
        (lambda _: None, REPORT, None),
        (same, {"kaslr_offset": "0x0"}, None),
    ],
)
def test_a_second_kernel_is_never_named_by_the_first_one_s_symbols(
    second: Callable[[Path], SecondKernel | None],
    report: dict[str, str] | None,
    name: str | None,
    tmp_path: Path,
) -> None:
    guest = Guest()
    guest.boot()
    guest.end()
    first = same(tmp_path).kernel
    run = guest.write(tmp_path / "run", kernel=first, second=second(tmp_path), report=report)
    symbols = symbols_of_run(Run.open(run), None)
    assert symbols.name_of(ACCEPT_RIP, Stage.USERSPACE) == "of_first"
    for stage in (Stage.SECOND_KERNEL, Stage.SECOND_USERSPACE):
        assert symbols.name_of(ACCEPT_RIP + MOVED, stage) == name
        assert symbols.name_of(ACCEPT_RIP, stage) is None


@pytest.mark.parametrize(
    ("report", "command_line", "name"),
    [
        ({"kaslr_offset": "0x0"}, "", "of_first"),
        (None, "console=ttyS0 nokaslr", "of_first"),
        ({}, "", None),
        (None, "nokaslr=0 x.nokaslr", None),
    ],
)
def test_a_kernel_of_which_it_is_not_known_where_it_lies_has_no_names(
    report: dict[str, str] | None, command_line: str, name: str | None, tmp_path: Path
) -> None:
    guest = Guest()
    guest.end()
    first = same(tmp_path).kernel
    run = guest.write(tmp_path / "run", kernel=first, report=report, command_line=command_line)
    symbols = symbols_of_run(Run.open(run), None)
    assert symbols.name_of(ACCEPT_RIP, Stage.KERNEL) == name
    assert "of_first" in symbols.first  # what the kernel has, it has wherever it lies


def called_in_both() -> Guest:
    """One return address, in the first kernel and in the second, each with an accept; in the second it is a guess."""
    guest = Guest(probes=("accept_memory",))
    for unit, stage in enumerate((Stage.KERNEL, Stage.SECOND_KERNEL)):
        guest.stage_now = stage
        how = CallerHow.BY_CALL if stage == Stage.KERNEL else CallerHow.NOT_KNOWN
        guest.event(Kind.PROBE_ENTER, 1, 2, caller=ACCEPT_RIP, how=how)
        guest.accept_block(guest.layout.low + unit * UNIT_SIZE, UNIT_SIZE)
        guest.event(Kind.PROBE_RETURN)
    guest.end()
    return guest


@pytest.mark.parametrize(
    ("second", "names", "where"),
    [
        (
            Symbols(OTHER),
            ["handle_mm_fault", "~deferred_init_memmap_chunk"],
            [Where.FAULT, Where.BACKGROUND],
        ),
        (None, ["handle_mm_fault", f"~{ACCEPT_RIP:#x}"], [Where.FAULT, Where.UNKNOWN]),
    ],
)
def test_calls_of_one_address_in_two_kernels_are_two_callers(
    second: Symbols | None, names: list[str], where: list[Where], tmp_path: Path
) -> None:
    run = Run.open(called_in_both().write(tmp_path / "run"))
    found = measure(run, RunSymbols(Symbols(PLACES), 0, second, 0))
    callers = [one.value for one in found.rows if one.by == "caller"]
    assert sorted(callers) == sorted(names)
    assert sorted(one.where for one in found.stalls) == sorted(where)


def test_the_other_party_of_a_collision_may_be_of_the_other_kernel(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    guest.event(Kind.ACCEPT, guest.layout.low + 16 * MIB, UNIT_SIZE, carry=1)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run", second=SecondKernel("kexec", Kernel("other"))))
    symbols = RunSymbols(Symbols(PLACES), 0, Symbols(OTHER), 0)
    verdict = judge(run, symbols=lambda: symbols)
    (finding,) = [one for one in verdict.findings if one.invariant == "I7"]
    assert finding.evidence["symbol"] == "deferred_init_memmap_chunk"
    assert finding.evidence["other_symbol"] == "handle_mm_fault"
    assert "other_stage" not in finding.evidence
