# SPDX-License-Identifier: GPL-2.0-only
"""Memory that is added to and removed from Debian's kernels, which do not accept it."""

from __future__ import annotations

import re

import pytest

from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import Kind
from tests.boots import series_kernel
from tests.boots.conftest import Boot, BootGuest

NEVER = "accessed hot-added memory that nobody accepted"
START, MIB = 4 << 30, 1 << 20
PLATFORMS = pytest.mark.parametrize("platform", ["snp", "tdx"])
LATER = pytest.mark.long


def plugged(boot: BootGuest, kernel: str, platform: str, steps: list[str], *work: str) -> Boot:
    words = [f"--hotplug={step}" for step in steps] + [f"--workload={one}" for one in work]
    return boot(kernel, *f"--platform {platform} --memory 2G".split(), *words)


def memory_events(done: Boot) -> list[tuple[str, int, int]]:
    """Return what was plugged and unplugged, in order: kind, address, size."""
    found: list[tuple[str, int, int]] = []
    for batch in EventFile(done.folder / "events.parquet").batches(("kind", "gpa", "size")):
        for kind, gpa, size in zip(batch["kind"], batch["gpa"], batch["size"], strict=True):
            if kind in (Kind.PLUG, Kind.UNPLUG):
                found.append((Kind(int(kind)).name.lower(), int(gpa), int(size)))
    return found


def worked(done: Boot) -> list[tuple[str, str]]:
    """Return the workloads that ended, and how."""
    return re.findall(r"ACCEPTLAB workload (\w+) end result=(.+)", done.console)


@PLATFORMS
@pytest.mark.parametrize("kernel", ["debian:6.12", pytest.param("debian:7.3", marks=LATER)])
def test_nobody_accepts_hot_added_memory(boot: BootGuest, kernel: str, platform: str) -> None:
    done = plugged(boot, kernel, platform, ["userspace add 1G"], "plugged:1G", "touch:64M")
    assert "touch" not in dict(worked(done)), (
        "the guest dies of its first access, at the latest there"
    )
    found = {one["title"]: one for one in done.verdict["findings"] if one["invariant"] == "I1"}
    assert list(found) == [NEVER]
    assert memory_events(done) == [("plug", START, 1 << 30)]
    assert done.exit_code == 1


REPLUG = ["userspace add 256M", "+5s remove", "+5s add 256M"]
WAITS = ("plugged:256M", "unplugged", "plugged:256M")


@LATER
@PLATFORMS
def test_memory_that_nobody_uses_comes_and_goes(boot: BootGuest, platform: str) -> None:
    done = plugged(boot, "debian:6.12", platform, REPLUG, *WAITS)
    assert worked(done) == [("plugged", "ok"), ("unplugged", "ok"), ("plugged", "ok")]
    kinds = [kind for kind, gpa, size in memory_events(done) if (gpa, size) == (START, 256 * MIB)]
    assert kinds == ["plug", "unplug", "plug"]
    assert done.verdict["verdict"] == "clean", done.verdict["findings"]


@LATER
@PLATFORMS
def test_offline_memory_is_not_used(boot: BootGuest, platform: str) -> None:
    work = ("plugged:256M", "offline", "touch:64M", "online")
    done = plugged(boot, "debian:6.12", platform, REPLUG[:1], *work)
    assert [result for _, result in worked(done)] == ["ok"] * len(work)
    assert done.verdict["verdict"] == "clean", done.verdict["findings"]


@LATER
@PLATFORMS
def test_host_that_ignores_the_removal_leaves_the_memory(boot: BootGuest, platform: str) -> None:
    steps = ["userspace add 256M", "+5s remove-ignored"]
    done = plugged(boot, "debian:6.12", platform, steps, "plugged:256M", "idle:8")
    assert [kind for kind, _, _ in memory_events(done)] == ["plug"]
    assert done.verdict["host"] == [
        f"Attack by the host (ignore-unplug at {START:#x}): noticed by a message of the kernel (Eject incomplete)."
    ]


@LATER
def test_runs_with_memory_that_comes_and_goes_are_repeatable(boot: BootGuest) -> None:
    first, second = (
        boot("debian:6.12", "--platform=tdx", "--memory=2G", "--hotplug=userspace add 256M",
             "--workload=plugged:256M", again=number) for number in (0, 1)
    )  # fmt: skip
    assert first.run["events"]["sha256"] == second.run["events"]["sha256"]


@pytest.mark.parametrize("platform", ["snp", pytest.param("tdx", marks=LATER)])
def test_nobody_accepts_what_virtio_mem_plugs(boot: BootGuest, platform: str) -> None:
    steps = ["userspace resize 256M"]
    done = plugged(boot, "debian:newest", platform, steps, "plugged:256M", "touch:64M")
    found = [one["title"] for one in done.verdict["findings"] if one["invariant"] == "I1"]
    assert found == [NEVER]
    events = memory_events(done)
    assert {kind for kind, _, _ in events} == {"plug"}
    assert sum(size for _, _, size in events) == 256 * MIB
    assert events[0][1] == START
    assert done.run["modules"] == ["virtio_mmio", "virtio_mem"]


@LATER
@PLATFORMS
def test_kernel_that_accepts_added_memory_notices_another_page(
    boot: BootGuest, platform: str
) -> None:
    """Its next access to the page is refused, which is no finding about it."""
    steps = ["userspace add 256M", "+5s remove-swapped", "+5s add 256M"]
    work = ("plugged:256M", "touch:64M", "unplugged", "plugged:256M", "touch:all")
    done = plugged(boot, series_kernel.image("hotplug-accept"), platform, steps, *work)
    assert [one["took_place"] for one in done.run["report"]["hotplug"]] == [True] * 4
    assert done.verdict["findings"] == []
    (line,) = done.verdict["host"]
    how = "a fault (#VC 0x404)" if platform == "snp" else "a fatal exit (pending)"
    assert line.endswith(f"noticed by {how}."), line


@LATER
@PLATFORMS
def test_virtio_mem_plugs_and_unplugs(boot: BootGuest, platform: str) -> None:
    """What is offline nobody uses; two runs have the same events."""
    steps = ["userspace resize 256M", "+5s resize 0", "+5s resize 128M"]
    first, second = (
        boot("debian:newest", *f"--platform {platform} --memory 2G --workload idle:15".split(),
             "--append=memhp_default_state=offline", *(f"--hotplug={step}" for step in steps), again=number)
        for number in (0, 1)
    )  # fmt: skip
    sizes = {"plug": 0, "unplug": 0}
    for kind, _, size in memory_events(first):
        sizes[kind] += size
    assert sizes == {"plug": 384 * MIB, "unplug": 256 * MIB}
    assert first.verdict["verdict"] == "clean", first.verdict["findings"]
    assert first.run["events"]["sha256"] == second.run["events"]["sha256"]


@LATER
@PLATFORMS
def test_virtio_mem_of_a_host_that_ignores_an_unplug(boot: BootGuest, platform: str) -> None:
    done = boot(
        "debian:newest", *f"--platform {platform} --memory 2G --workload idle:9".split(),
        "--append=memhp_default_state=offline", "--hotplug=userspace resize 128M", "--hotplug=+5s resize-ignored 0",
    )  # fmt: skip
    assert {kind for kind, _, _ in memory_events(done)} == {"plug"}
    assert all("ignore-unplug" in line for line in done.verdict["host"])
    assert done.verdict["host"]


@LATER
@PLATFORMS
def test_each_node_has_its_own_count(boot: BootGuest, platform: str) -> None:
    words = f"--platform {platform} --memory 6G --numa 2 --cpus 2".split()
    done = boot("debian:7.3", *words)
    counts = re.findall(r"ACCEPTLAB node=(\d) Unaccepted=(\d+) label=start", done.console)
    assert [node for node, _ in counts] == ["0", "1"]
    assert counts[0][1] == "0", "all below 4 GiB is accepted"
    assert int(counts[1][1]) == done.unaccepted_kib("start")
    assert int(counts[1][1]) > 2 << 20
    assert done.verdict["verdict"] == "clean", done.verdict["findings"]
