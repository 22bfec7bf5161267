# SPDX-License-Identifier: GPL-2.0-only
"""A finding in a kernel of ours that was built with data/config/debug.config names function, file and line."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from tests.boots.conftest import BootGuest

pytestmark = pytest.mark.long
NAME = "lazy-accept-debug"
HOW = (
    "acceptlab kernel build --tree DIR --config data/config/guest.config "
    f"--config data/config/debug.config --name {NAME}, of the series lazy-accept"
)
"""Building it takes too long for a test."""
MACHINE = ("--memory", "1G", "--firmware-accepts", "minimal", "--no-kaslr")
ATTACKS = {
    "snp": ("--attack", "accepted remap 0x28000000"),
    "tdx": ("--attack", "accepted remove-aug 0x28000000"),
}


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """Return such a kernel; without one the test does not run, and says how to build it."""
    try:
        return resolve(NAME)
    except AcceptlabError:
        pytest.skip(f"no kernel with debug information is built: {HOW}")


def by_addr2line(kernel: Kernel, address: int) -> str:
    """What another reader of debug information says: file and line."""
    command = ["addr2line", "-e", str(kernel.vmlinux), f"{address:#x}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(" (")[0]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_finding_names_function_file_and_line(
    platform: str, kernel: Kernel, boot: BootGuest
) -> None:
    words = ("--platform", platform, *MACHINE, *ATTACKS[platform], "--workload", "touch:600M")
    done = boot(NAME, *words)
    findings: list[dict[str, Any]] = done.verdict["findings"]
    assert findings
    evidence = findings[0]["evidence"]
    assert re.fullmatch(r"\w+\+0x[0-9a-f]+", evidence["caller_symbol"])
    file, _, line = evidence["caller_source"].rpartition(":")
    assert file.endswith((".c", ".h")) and int(line) > 0
    told = by_addr2line(kernel, int(evidence["caller"], 16) - 1).strip()
    assert told.endswith(f"{file}:{line}"), told
    assert not file.startswith("/"), "named from the root of the sources"


def test_a_clean_run_stays_clean_with_the_kernel_s_own_checks(
    kernel: Kernel, boot: BootGuest
) -> None:
    """lockdep, DEBUG_VM and the like find nothing, and their kernel accepts as it should."""
    for platform in ATTACKS:
        done = boot(
            NAME, "--platform", platform, *MACHINE, "--cpus", "2", "--workload", "touch:600M"
        )
        assert done.verdict["verdict"] == "clean"
        assert not re.search(r"WARNING:|BUG:|possible .* detected|suspicious", done.console)
