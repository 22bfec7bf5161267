# SPDX-License-Identifier: GPL-2.0-only
"""Debian's unmodified 6.12 cloud kernel on both platforms: userspace, a clean verdict, and the kernel's own count."""

from __future__ import annotations

import itertools

import pyarrow.parquet as pq
import pytest

from tests.boots.conftest import Boot, BootGuest

KERNEL = "debian:6.12"
UNIT_KIB = 2048

SHORT = [
    "--platform snp --memory 2G --firmware-accepts minimal --cpus 2",
    "--platform tdx --memory 16G --cpus 4",
]
"""What every test run boots, and makes again to compare it byte by byte; LONG has the rest."""

LONG = [
    f"--platform {platform} --memory {memory} --accept {accept} --host-backing {backing} --cpus {cpus} --seed {seed}"
    + (" --firmware-accepts minimal" if memory == "2G" else "")  # else nothing is left to accept
    for platform in ("snp", "tdx")
    for memory, accept, backing, cpus, seed in (
        ("2G", "lazy", "2M", 1, 1),
        ("2G", "eager", "4K", 4, 2),
        ("2G", "lazy", "4K", 16, 3),
        ("2G", "lazy", "2M", 16, 2),
        ("16G", "lazy", "4K", 1, 2),
        ("16G", "eager", "2M", 16, 3),
        ("16G", "lazy", "2M", 16, 1),
        ("16G", "lazy", "2M", 4, 1),
        ("16G", "eager", "4K", 1, 3),
        ("64G", "lazy", "2M", 4, 3),
        ("64G", "eager", "2M", 1, 1),
        ("64G", "lazy", "4K", 16, 1),
        ("64G", "eager", "4K", 4, 2),
        ("256G", "lazy", "2M", 1, 1),
    )
]
"""Every value of every option and, below 256G, every pair of values, on both platforms."""


def check(boot: Boot, words: str) -> None:
    assert boot.run["outcome"] == "userspace", boot.output
    assert boot.verdict["verdict"] == "clean", boot.verdict["findings"]
    unaccepted = boot.unaccepted_kib("start")
    assert unaccepted is not None
    if "--accept eager" in words:
        assert unaccepted == 0
    else:
        assert unaccepted > 0


@pytest.mark.parametrize("words", SHORT)
def test_reaches_userspace_with_a_clean_verdict(boot: BootGuest, words: str) -> None:
    check(boot(KERNEL, *words.split()), words)


@pytest.mark.long
@pytest.mark.parametrize("words", LONG)
def test_every_shape_reaches_userspace_with_a_clean_verdict(boot: BootGuest, words: str) -> None:
    check(boot(KERNEL, *words.split()), words)


@pytest.mark.parametrize("words", SHORT)
def test_the_same_run_twice_gives_the_same_bytes(boot: BootGuest, words: str) -> None:
    """With the calls that the default probes record."""
    once, again = boot(KERNEL, *words.split()), boot(KERNEL, *words.split(), again=1)
    assert once.run["default_probes"]["watched"]
    kinds = pq.read_table(once.folder / "events.parquet", columns=["kind"])["kind"].to_pylist()
    assert "probe-enter" in kinds
    for name in ("events.parquet", "console.log"):
        assert (once.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_a_bare_line_in_run_json_reproduces_the_run(boot: BootGuest) -> None:
    recorded = boot(KERNEL, *SHORT[0].split()).run["reproduce"]
    for word in SHORT[0].split():
        assert word in recorded


def test_the_long_boots_have_every_pair_of_values() -> None:
    shapes = [tuple(words.split()[1:12:2]) for words in LONG if "256G" not in words]
    values = [sorted(set(column)) for column in zip(*shapes, strict=True)]
    for first, second in itertools.combinations(range(len(values)), 2):
        wanted = set(itertools.product(values[first], values[second]))
        assert wanted == {(shape[first], shape[second]) for shape in shapes}
