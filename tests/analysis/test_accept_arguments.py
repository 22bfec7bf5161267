# SPDX-License-Identifier: GPL-2.0-only
"""What the second argument of accept_memory() is: told by BTF, by the kernel's release, or by the calls; against what was then accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.kernel.accept_arguments import (
    FUNCTION,
    arguments,
    second,
    shows_size,
)
from acceptlab.analysis.kernel.btf import parameters
from acceptlab.analysis.kernel.kernel_facts import END, SIZE
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from acceptlab.toolkit.places import CHECKOUT
from tests.analysis.btf_file import btf

RECORDED = [
    (CHECKOUT / "traces" / "tdx-lazy", SIZE),
    (Path(__file__).with_name("recorded") / "tdx-6.1-probed", END),
]
"""Boots of two kernels with a probe on accept_memory(), and what its second argument is in their sources."""


@pytest.mark.parametrize(
    ("release", "names"),
    [
        ("6.1.176", ("start", END)),
        ("6.11.9-arch1", ("start", END)),
        ("6.12.117+deb12-cloud-amd64", ("start", SIZE)),
        ("7.0.0-rc1", ("start", SIZE)),
        ("", ()),
        ("next", ()),
    ],
)
def test_a_release_tells(release: str, names: tuple[str, ...]) -> None:
    assert arguments(FUNCTION, release) == names


@pytest.mark.parametrize("hook", ["arch_accept_memory", "snp_accept_memory", "tdx_accept_memory"])
@pytest.mark.parametrize("release", ["6.1.176", "6.12.1", ""])
def test_the_hooks_have_ends_in_every_kernel(hook: str, release: str) -> None:
    assert second(hook, (), release) == END


def test_what_a_kernel_says_of_itself_goes_before_its_release() -> None:
    """A kernel of a distribution may have taken the change over."""
    assert arguments(
        FUNCTION, "5.14.0", parameters(btf(FUNCTION, ("start", "size")), FUNCTION)
    ) == ("start", "size")
    assert arguments(FUNCTION, "6.12.0", parameters(btf(FUNCTION, ("start", "end")), FUNCTION)) == (
        "start",
        "end",
    )
    assert arguments(
        FUNCTION, "6.12.0", parameters(btf("another", ("start", "end")), FUNCTION)
    ) == ("start", "size")
    assert second(FUNCTION, ("start", "size"), "5.14.0") == SIZE
    assert second(FUNCTION, ("start", "second"), "5.14.0") == END


def test_functions_of_other_names_are_not_known() -> None:
    assert arguments("handle_mm_fault", "6.12.1") == ()
    assert second("handle_mm_fault", ("vma", "end"), "6.12.1") == ""


WHOLE = btf(FUNCTION, ("start", "size", "why"))


def test_parameters_are_found_behind_types_of_every_kind() -> None:
    assert parameters(WHOLE, FUNCTION) == ("start", "size", "why")
    assert parameters(WHOLE, "accept") == ()


def test_btf_that_breaks_off_tells_nothing() -> None:
    for cut in range(len(WHOLE)):
        assert parameters(WHOLE[:cut], FUNCTION) == ()


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_damaged_btf_tells_something_or_nothing(place: int, byte: int) -> None:
    damaged = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    assert len(parameters(damaged, FUNCTION)) <= 0xFFFF


def calls(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """First and second arguments of the recorded calls."""
    batches = list(EventFile(folder / "events.parquet").batches(("kind", "gpa", "size", "detail")))
    (index,) = [at for at, one in enumerate(Run.open(folder).info.probes) if one.name == FUNCTION]
    mine = [(one["kind"] == Kind.PROBE_ENTER) & (one["detail"] == index) for one in batches]
    start, given = (
        np.concatenate([one[name][chosen] for one, chosen in zip(batches, mine, strict=True)])
        for name in ("gpa", "size")
    )
    return start, given


@pytest.mark.parametrize(("folder", "kind"), RECORDED)
def test_a_recorded_run_tells_by_its_release_and_its_calls_alone(folder: Path, kind: str) -> None:
    info = Run.open(folder).info
    assert second(FUNCTION, (), info.kernel.version) == kind
    start, given = calls(folder)
    assert len(start) > 100
    assert shows_size(start, given) == (kind == SIZE)


@pytest.mark.parametrize(("folder", "kind"), RECORDED)
def test_what_was_accepted_in_a_call_is_what_it_asked_for(folder: Path, kind: str) -> None:
    """In whole units, and with the guard unit behind it; the other reading of the arguments does not fit."""
    assert fitting(folder, kind)
    assert not fitting(folder, SIZE if kind == END else END)


def fitting(folder: Path, kind: str) -> bool:
    """Whether each accept in a call is of a unit that the call asks for, if its second argument is of this kind; and fills most of it."""
    names = ("kind", "vcpu", "gpa", "size", "detail", "carry", "result")
    probe = [one.name for one in Run.open(folder).info.probes].index(FUNCTION)
    open_calls: dict[int, tuple[int, int]] = {}
    asked = accepted = 0
    for batch in EventFile(folder / "events.parquet").batches(names):
        rows = zip(*(batch[name].tolist() for name in names[:5]), strict=True)
        for what, vcpu, gpa, size, detail in rows:
            if what == Kind.PROBE_ENTER and detail == probe:
                end = gpa + size if kind == SIZE else size
                first, last = gpa // UNIT_SIZE, -(-end // UNIT_SIZE) + 1
                open_calls[vcpu] = (first, last)
                asked += last - first
            elif what == Kind.PROBE_RETURN and detail == probe:
                open_calls.pop(vcpu, None)
            elif what == Kind.ACCEPT and vcpu in open_calls:
                first, last = open_calls[vcpu]
                if not first <= gpa // UNIT_SIZE < last:
                    return False
                accepted += 1
    return accepted > 100 and 0 < asked < 4 * accepted
