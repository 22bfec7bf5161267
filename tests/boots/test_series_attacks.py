# SPDX-License-Identifier: GPL-2.0-only
"""A hostile host against the reference series: the guest stops and says what and where, or it cannot, and the finding is told.

A page of a process is attacked as soon as it is accepted, before its first use. What a TD touches that the host has removed
ends the TD with no word of its own: the module tells the host only (SEPT_VE_DISABLE).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.kernel.symbols import load_symbols
from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve
from tests.boots.conftest import Boot, BootGuest

pytestmark = pytest.mark.long
OURS = "lazy-accept"
AT = 0x40000000
"""Of 2 GiB, inside what the workload touches."""
MACHINE = ("--memory", "2G", "--firmware-accepts", "minimal", "--workload", "touch:1200M")
FAULT, EXIT, REFUSAL = "a fault (#VC 0x404)", "a fatal exit", "the refusal"
KERNEL_MAP = 0xFFFFFFFF80000000
"""Linux, Documentation/arch/x86/x86_64/mm.rst: where physical address 0 is in a kernel that was not moved."""
BOUNCED = 0x78000000
"""Of 2 GiB, inside the bounce buffers: shared for the whole life of a kernel, and made private before kexec."""


@dataclass(frozen=True)
class Attack:
    """What the host does, how the run ends, the finding's title ("" for none), and what the guest or the emulator says of it."""

    platform: str
    acts: tuple[str, ...]
    outcome: str
    noticed: str
    said: str


ATTACKS = [
    Attack("snp", (f"accepted remap {AT:#x}",), "panic", FAULT, f"Unaccepted memory at {AT:#018x}: "),
    Attack("snp", (f"accepted reassign {AT:#x}",), "panic", FAULT, f"Unaccepted memory at {AT:#018x}: "),
    Attack("snp", (f"accepted unassign {AT:#x}",), "stopped", EXIT, f"gpa {AT:#x}"),
    Attack("snp", ("userspace psc-error 1",), "terminated", REFUSAL, "SNP: PSC failed"),
    Attack("snp", ("decompressor psc-error 1",), "terminated", REFUSAL, "page state change failed"),
    Attack("tdx", (f"accepted remove-aug {AT:#x}",), "stopped", EXIT, f"gpa {AT:#x}"),
    Attack("tdx", (f"accepted remove {AT:#x}",), "stopped", EXIT, f"gpa {AT:#x}"),
    Attack("tdx", (f"accepted block {AT:#x}",), "stopped", EXIT, "the host has blocked the page"),
]  # fmt: skip


@pytest.fixture(scope="module")
def kernel() -> str:
    """Return the image of the series' kernel, or say how to build it."""
    try:
        return str(resolve(OURS).image)
    except AcceptlabError as error:
        pytest.skip(f"its kernel is not built (acceptlab series build {OURS}): {error}")


def attacked(boot: BootGuest, kernel: str, platform: str, acts: tuple[str, ...]) -> Boot:
    words = [word for act in acts for word in ("--attack", act)]
    return boot(kernel, "--platform", platform, *MACHINE, *words)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: f"{one.platform} {one.acts[0]}")
def test_the_guest_stops(boot: BootGuest, kernel: str, attack: Attack) -> None:
    run = attacked(boot, kernel, attack.platform, attack.acts)
    assert (run.exit_code, run.run["outcome"]) == (1, attack.outcome), run.output
    assert run.run["attacks"] == list(attack.acts)
    assert attack.said in run.console + run.output
    assert (run.verdict["verdict"], run.verdict["findings"]) == ("clean", [])
    (line,) = run.verdict["host"]
    assert f"noticed by {attack.noticed}" in line


def test_a_guest_that_cannot_even_handle_its_vc_is_stopped(boot: BootGuest, kernel: str) -> None:
    """The handler's own first code shares a page with do_syscall_64(), so that nobody is left to say anything."""
    gpa = (load_symbols(Path(kernel)).address("do_syscall_64") - KERNEL_MAP) & ~0xFFF
    words = ("--memory", "2G", "--firmware-accepts", "minimal", "--no-kaslr")
    run = boot(kernel, "--platform", "snp", *words, "--attack", f"userspace reassign {gpa:#x}")
    assert (run.exit_code, run.run["outcome"]) == (1, "stopped"), run.output
    assert "faults here again and again" in run.run["reason"]
    assert run.verdict["findings"] == []
    assert "noticed by a fault (#VC 0x404)" in run.verdict["host"][0]


def test_a_page_that_was_accepted_all_the_while_it_was_shared_stops_a_td(
    boot: BootGuest, kernel: str
) -> None:
    act = f"kernel keep {BOUNCED:#x}"
    words = ("--memory", "2G", "--firmware-accepts", "minimal", "--workload", "kexec")
    run = boot(kernel, "--platform", "tdx", *words, "--attack", act)
    assert (run.exit_code, run.run["outcome"]) == (1, "panic"), run.output
    assert f"Unaccepted memory at {BOUNCED:#x}: it was accepted before" in run.console
    assert "ACCEPTLAB second userspace" not in run.console
    assert run.verdict["findings"] == []
    assert any("noticed by a refused accept" in line for line in run.verdict["host"])


@pytest.mark.parametrize(
    ("platform", "acts"),
    [
        ("snp", ("userspace psc-rewind 1",)),
        ("snp", (f"accepted remap {AT:#x}", f"accepted remap-back {AT:#x}")),
        ("tdx", ("userspace busy 3",)),
        ("tdx", ("kernel retry 2",)),
    ],
)
def test_what_a_guest_can_live_with_is_no_attack(
    boot: BootGuest, kernel: str, platform: str, acts: tuple[str, ...]
) -> None:
    run = attacked(boot, kernel, platform, acts)
    assert (run.run["outcome"], run.verdict["verdict"]) == ("userspace", "clean"), run.output


def shared_bytes(run: Boot) -> int:
    """How much the guest has made shared in all."""
    table = pq.read_table(run.folder / "events.parquet", columns=["kind", "size"]).to_pylist()
    return sum(int(row["size"]) for row in table if row["kind"] == "convert")


def test_a_td_goes_on_where_its_host_has_stopped_converting(boot: BootGuest, kernel: str) -> None:
    """What is converted first, and is then asked for twice more, are the bounce buffers."""
    at_once = attacked(boot, kernel, "tdx", ())
    by_parts = attacked(boot, kernel, "tdx", ("kernel retry 2",))
    assert shared_bytes(by_parts) == shared_bytes(at_once) > 64 << 20


@pytest.mark.parametrize("platform", ["tdx"])
def test_vcpus_that_compete_for_units_are_no_attack(
    boot: BootGuest, kernel: str, platform: str
) -> None:
    words = ("--cpus", "4", "--workload", "processes:8")
    run = boot(kernel, "--platform", platform, *MACHINE, *words)
    assert (run.run["outcome"], run.verdict["verdict"]) == ("userspace", "clean"), run.output
