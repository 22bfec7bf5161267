# SPDX-License-Identifier: GPL-2.0-only
"""The emulator under AddressSanitizer and UndefinedBehaviorSanitizer: its own tests, and ten boots of a stock kernel.

A report of a sanitizer ends the emulator, and so fails the test that ran it. Its build is kept in the cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu import bases, emulator_build, overlay, qemu_source
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run import emulator_run
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.whole_files import locked
from tests.emulator.conftest import OVERRIDE

pytestmark = pytest.mark.long
SANITIZERS = ("--enable-asan", "--enable-ubsan")
REPORTS = {
    # QEMU leaves the memory of its devices to exit(), its coroutines have stacks of their own, one test preloads a library
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:verify_asan_link_order=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
}
SHAPES = (
    RunOptions(kernel="debian:6.12", memory="2G"),
    RunOptions(kernel="debian:6.12", memory="4G", cpus=4, schedule="random:1"),
    RunOptions(kernel="debian:6.12", memory="2G", accept="eager", handoff="stub"),
    RunOptions(kernel="debian:6.12", memory="3G", host="kvm", workloads=("touch:256M",)),
    RunOptions(kernel="debian:6.12", memory="2G", probes=("set_memory_decrypted",), seed=7),
)


@pytest.fixture(scope="module")
def sanitized(pytestconfig: pytest.Config) -> Path:
    """Return the emulator of this checkout, built with both sanitizers."""
    plain = bases.chosen()
    base = replace(plain, configure=(*plain.configure, *SANITIZERS))
    made_of = emulator_build.cached_source(plain)
    assert made_of is not None, "there is no emulator for this checkout: run `make setup`"
    ordinary = emulator_build.work_folder(made_of.debian_sha256)
    work = ordinary.with_name(f"{ordinary.name}-sanitizers")
    with locked(work.with_name(f"{work.name}.lock")):
        if not (work / "qemu").is_dir():
            with step("unpacking QEMU") as progress:
                qemu_source.unpack(made_of, work / "qemu", progress)
        overlay.sync(emulator_build.files_for(base), work / "qemu", work / "originals")
        emulator_build.compile_tree(base, work / "qemu", work / "build", work / "build.log")
    return work / "build" / emulator_build.BINARY


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return resolve("debian:6.12")


def test_both_sanitizers_are_in_it(sanitized: Path) -> None:
    symbols = subprocess.run(["nm", "-D", sanitized], capture_output=True, text=True, check=True)
    assert "__asan_report_load8" in symbols.stdout
    assert "__ubsan_handle" in symbols.stdout


def test_the_emulator_s_own_tests_pass(sanitized: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not long", "-p", "no:cacheprovider", "tests/emulator"],
        cwd=CHECKOUT,
        env=os.environ | REPORTS | {OVERRIDE: str(sanitized)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda options: options.memory + options.schedule)
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_boot_is_that_of_the_ordinary_build(
    sanitized: Path,
    emulator: Path,
    kernel: Kernel,
    platform: str,
    shape: RunOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No report, and the same events, byte for byte: neither build reads what nobody wrote."""
    for name, value in REPORTS.items():
        monkeypatch.setenv(name, value)
    build = {"qemu": bases.chosen().version, "debian_version": ""}
    options = replace(shape, platform=platform)
    events = []
    for binary in (emulator, sanitized):
        folder = tmp_path / binary.parent.name
        emulator_run.perform(options, kernel, Emulator(binary, "under test", build), folder, False)
        assert replay_run(folder).verdict == "clean", folder
        events.append((folder / "events.parquet").read_bytes())
    assert events[0] == events[1]
