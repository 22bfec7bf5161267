# SPDX-License-Identifier: GPL-2.0-only
"""How a kernel learns what is unaccepted: by its own EFI stub, from the memory map alone, or from the stub's table; and whether
a second kernel learns it from the first.
"""

from __future__ import annotations

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.firmware.layout import SHAPES
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.series.checks.accept_early import check as check_accept_early
from tests.boots.conftest import Boot, BootGuest

OURS = "lazy-accept"
MACHINE = ("--memory", "2G", "--firmware-accepts", "minimal")
PLATFORMS = ("snp", "tdx")


@pytest.fixture(scope="module")
def ours() -> str:
    """Return our series' kernel; building it takes too long for a test to do."""
    try:
        return str(resolve(OURS).image)
    except AcceptlabError:
        pytest.skip(f"no kernel of ours is built: acceptlab series build {OURS}")


def check(run: Boot) -> None:
    assert run.run["outcome"] == "userspace", run.output
    assert run.verdict["verdict"] == "clean", run.verdict["findings"]


def workload_says(run: Boot, name: str) -> dict[str, int]:
    """Return the numbers that a workload printed."""
    (line,) = [
        one for one in run.console.splitlines() if one.startswith(f"ACCEPTLAB workload {name} ") and "=" in one
        and " begin " not in one and " end " not in one
    ]  # fmt: skip
    pairs = (word.split("=") for word in line.split()[3:])
    return {key: int(number) for key, number in pairs}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_kernel_is_started_by_its_own_stub(boot: BootGuest, platform: str) -> None:
    words = ("--handoff", "stub", "--workload", "touch:64M")
    run = boot("debian:6.12", "--platform", platform, *MACHINE, *words)
    check(run)
    unaccepted = run.unaccepted_kib("start")
    assert unaccepted is not None
    assert unaccepted > 1 << 20, "the stub told the kernel of no unaccepted memory"


@pytest.mark.long
@pytest.mark.parametrize("accept", ["lazy", "eager"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_second_kernel_inherits_what_the_first_was_told(
    boot: BootGuest, ours: str, platform: str, shape: str, accept: str
) -> None:
    words = (
        "--handoff",
        shape,
        "--accept",
        accept,
        "--workload",
        "kexec",
        "--workload",
        "touch:64M",
    )
    run = boot(ours, "--platform", platform, *MACHINE, *words)
    check(run)
    assert "second-userspace" in run.run["report"]["stages"]


@pytest.mark.long
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_crash_kernel_reads_the_dump_of_our_kernel(
    boot: BootGuest, ours: str, platform: str
) -> None:
    run = boot(
        ours, "--platform", platform, *MACHINE, "--workload", "kdump", "--workload", "vmcore"
    )
    check(run)
    # All but the memory set apart for the crash kernel.
    assert workload_says(run, "vmcore")["bytes"] > (2 << 30) - (300 << 20)


@pytest.mark.long
@pytest.mark.parametrize("platform", PLATFORMS)
def test_readers_by_address_neither_touch_nor_accept(
    boot: BootGuest, ours: str, platform: str
) -> None:
    words = ("--workload", "kcore", "--workload", "devmem")
    run = boot(ours, "--platform", platform, *MACHINE, *words)
    check(run)
    before, after = run.unaccepted_kib("start"), run.unaccepted_kib("end")
    assert before is not None
    assert after is not None
    assert before - after < 32 << 10, "reading memory has accepted it"
    # Some held pages are accepted, but what lies behind them is not: at most the unit before each gap.
    unaccepted_units = (after >> 11) - 8
    assert workload_says(run, "kcore")["zero"] >= unaccepted_units
    # /dev/mem tells unaccepted memory (EFAULT) from RAM that it does not show to anybody (EPERM).
    assert workload_says(run, "devmem")["bad"] >= unaccepted_units


def test_what_our_kernel_needs_to_handle_faults_is_annotated(ours: str) -> None:
    step = check_accept_early(resolve(OURS).image.with_name("vmlinux"))
    assert step is not None
    assert step.problems == ()
