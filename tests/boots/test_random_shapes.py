# SPDX-License-Identifier: GPL-2.0-only
"""No accusation of a sound kernel: guests of random shape, on three kernels and both platforms, reach userspace with a clean verdict."""

from __future__ import annotations

from random import Random

import pytest

from tests.boots.conftest import BootGuest

pytestmark = pytest.mark.long
SHAPES = 200
KERNELS = ("debian:6.12", "debian:7.1", "debian:newest")
PLATFORMS = ("snp", "tdx")
MIB, GIB = 1 << 20, 1 << 30
PAGE = 4096
ABOVE = 4 * GIB
"""Where RAM goes on above the device window."""


def ranges_above(random: Random, end: int, most: int, largest: int) -> list[str]:
    """Return up to ``most`` ranges of RAM above 4 GiB, apart from each other, whose ends are on a page and mostly on no unit."""
    cuts = sorted(random.sample(range(ABOVE // PAGE, end // PAGE), 2 * random.randint(0, most)))
    pairs = zip(cuts[::2], cuts[1::2], strict=True)
    return [
        f"{first * PAGE:#x}-{min(last * PAGE, first * PAGE + largest):#x}" for first, last in pairs
    ]


def shape(number: int) -> list[str]:
    """Return the options of a guest, drawn from ``number``: memory and its holes, firmware, host, vCPUs, workload."""
    random = Random(number)
    memory = random.randint(4096, 6144)
    end = ABOVE + (memory - 3072) * MIB
    words = [
        "--platform", PLATFORMS[number % 2], "--memory", f"{memory}M", "--seed", str(number + 1),
        "--cpus", str(random.choice((1, 1, 2, 3, 4))), "--accept", random.choice(("lazy", "lazy", "eager")),
        "--host", random.choice(("2M", "kvm", "kvm-hugepage", "in-place")),
        "--host-assign", random.choice(("demand", "demand", "advance")),
        "--firmware-accepts", random.choice(("minimal", "minimal", f"minimal+{random.randint(1, 300)}", "below-4g")),
        "--handoff", random.choice(("table", "stub")), "--low-memory", random.choice(("3G", "2G")),
        "--workload", random.choice(("touch:64M", "touch:900M", "together:512M", "idle:1")),
    ]  # fmt: skip
    holes = ranges_above(random, end - 512 * MIB, 2, 300 * MIB)
    accepted = ranges_above(random, end - 512 * MIB, 3, 64 * MIB)
    return [
        *words,
        *(f"--hole={one}" for one in holes),
        *(f"--accepted={one}" for one in accepted if not any(overlap(one, hole) for hole in holes)),
    ]


def overlap(one: str, other: str) -> bool:
    """Return whether two ranges have a byte in common."""
    (first, end), (start, stop) = ([int(x, 0) for x in text.split("-")] for text in (one, other))
    return first < stop and start < end


@pytest.mark.parametrize("number", range(SHAPES))
def test_a_guest_of_random_shape_is_clean(boot: BootGuest, number: int) -> None:
    run = boot(KERNELS[number % 3], *shape(number))
    assert run.run["outcome"] == "userspace", run.output
    assert run.verdict["verdict"] == "clean", run.output
