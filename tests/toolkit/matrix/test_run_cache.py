# SPDX-License-Identifier: GPL-2.0-only
"""A run is made again when what it is made of has changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit import firmware
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.matrix.sweep_spec import read_spec
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.option import options_of
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import key_of, opened
from acceptlab.toolkit.whole_files import write_whole

KERNEL = Kernel("k", Path("/k"), "6.12", "0" * 64)
EMULATOR = Emulator(Path("/e"), "e", {})


def key(options: RunOptions) -> str:
    return key_of(options, KERNEL, EMULATOR, "init")


def test_the_code_that_makes_boot_handoffs_is_part_of_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = key(RunOptions("k"))
    assert key(RunOptions("k")) == before
    (tmp_path / "layout.py").write_text("elsewhere")
    monkeypatch.setattr(firmware, "__file__", str(tmp_path / "__init__.py"))
    changed = key(RunOptions("k"))
    (tmp_path / "efi-services.c").write_text("another program")
    assert len({before, changed, key(RunOptions("k"))}) == 3


OTHERS: dict[str, Any] = {
    "platform": "tdx", "memory": "4G", "cpus": 2, "cpu": "EPYC-Genoa", "la57": True, "accept": "eager", "holes": ("1G:1M",),
    "seed": 2, "pending_ve": "flexible", "tdx_module": "1.0", "sev_features": "debug-swap", "threads": "multi",
    "firmware": "ovmf", "schedule": 1, "firmware_accepts": "minimal", "accepted": ("1G:2M",), "handoff": "stub",
    "low_memory": "2G", "host": "kvm", "host_backing": "4K", "host_assign": "advance", "shared_access": "ve",
    "attacks": ("accepted remove 0x40000000",), "hardware": True, "kaslr": False, "append": ("swiotlb=2048",),
    "vmlinux": "/v", "initrd": "/i", "workloads": ("kexec",), "program": "/bin/true", "probes": ("start_kernel",),
    "probe_locks": ("a_lock",), "default_probes": False, "events": False, "counts": ("start_kernel",), "kunit": "unaccepted*",
    "numa": 2, "hotplug": ("userspace add 1G",), "root": "debian:sid", "root_mode": "ro", "modules": "/m", "machine": "q35",
    "devices": ("rng",),
}  # fmt: skip
"""Another value of each option that decides what the guest does, or what is recorded of it."""


def with_values(**values: Any) -> RunOptions:
    """Return options with these values, whether or not they go together."""
    options = RunOptions("k")
    for name, value in values.items():
        object.__setattr__(options, name, value)
    return options


def test_there_is_another_value_of_every_option() -> None:
    found = {item.name for item, shown in options_of(RunOptions).values() if shown.part_of_run}
    assert found - {"kernel"} == set(OTHERS)


@pytest.mark.parametrize("name", OTHERS)
def test_every_option_is_part_of_a_run(name: str) -> None:
    assert with_values(**{name: OTHERS[name]}) != RunOptions("k")
    assert key(with_values(**{name: OTHERS[name]})) != key(RunOptions("k"))


def test_another_content_of_the_root_is_another_run(tmp_path: Path) -> None:
    before = key(with_values(root=str(tmp_path)))
    assert key(with_values(root=str(tmp_path))) == before
    (tmp_path / "file").write_text("new")
    assert key(with_values(root=str(tmp_path))) != before


def test_the_time_limit_and_the_kernel_s_name_are_no_part_of_a_run() -> None:
    assert key(RunOptions("other", time_limit=7.0)) == key(RunOptions("k"))


def test_another_kernel_emulator_or_initramfs_is_another_run() -> None:
    options, other = RunOptions("k"), Kernel("k", Path("/k"), "6.12", "1" * 64)
    keys = {
        key(options),
        key_of(options, other, EMULATOR, "init"),
        key_of(options, KERNEL, Emulator(Path("/e"), "f", {}), "init"),
        key_of(options, KERNEL, EMULATOR, "tini"),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    "spec", sorted((CHECKOUT / "data/sweeps").glob("*.toml")), ids=lambda one: one.stem
)
def test_no_two_cells_of_our_sweeps_are_one_run(spec: Path) -> None:
    """But for those that differ in the kernel, which is not looked at here."""
    for sweep in read_spec(spec).sweeps:
        cells = [asdict(cell.options) | {"time_limit": 0, "hold": False} for cell in sweep.cells]
        distinct = {json.dumps(cell | {"kernel": ""}, sort_keys=True) for cell in cells}
        assert len({key(cell.options) for cell in sweep.cells}) == len(distinct)


def test_a_matrix_that_is_removed_meanwhile_ends_in_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadInputError, match=f"{out} was removed, or emptied"), opened(out):
        shutil.rmtree(out)
        write_whole(out / "matrix.json", "{}")
    with pytest.raises(OSError, match="no place"), opened(out):
        raise OSError("no place")
