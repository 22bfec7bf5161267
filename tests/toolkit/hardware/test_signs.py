# SPDX-License-Identifier: GPL-2.0-only
"""What a machine is, told from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.doctor.hardware_checks import hardware_checks
from acceptlab.toolkit.hardware.signs import look
from tests.toolkit.hardware.trees import SNP_HOST, SNP_LEAF, TD_LEAF, TDX_HOST, tree

AMD, INTEL = "AuthenticAMD", "GenuineIntel"
GUESTS: list[tuple[str, dict[str, Any]]] = [
    ("snp", {"vendor": AMD, "flags": "hypervisor", "files": {"dev/sev-guest": ""}}),
    ("snp", {"vendor": AMD, "flags": "hypervisor sev_snp"}),
    ("snp", {"vendor": AMD, "flags": "hypervisor", "leaf": SNP_LEAF}),
    ("snp", {"vendor": AMD, "flags": "hypervisor", "files": {"sys/devices/system/cpu/sev/vmpl": "0"}}),
    ("tdx", {"vendor": INTEL, "flags": "hypervisor", "files": {"dev/tdx_guest": ""}}),
    ("tdx", {"vendor": INTEL, "flags": "hypervisor tdx_guest"}),
    ("tdx", {"vendor": INTEL, "flags": "hypervisor", "leaf": TD_LEAF}),
]  # fmt: skip
NO_GUESTS: list[dict[str, Any]] = [
    {"vendor": AMD, "flags": "sev sev_es sev_snp", "leaf": SNP_LEAF, "files": SNP_HOST},
    {"vendor": INTEL, "flags": "vmx", "files": TDX_HOST},
    {"vendor": INTEL, "flags": "hypervisor"},
    {"vendor": AMD, "flags": "hypervisor", "leaf": (0x8000001F, (0xA, 51, 0, 0))},
    {"vendor": INTEL, "flags": "hypervisor", "leaf": (0x21, (0, 1, 2, 3))},
    {},
]


@pytest.mark.parametrize(("platform", "machine"), GUESTS)
def test_a_confidential_guest_is_recognised(
    platform: str, machine: dict[str, Any], tmp_path: Path
) -> None:
    found = look(tree(tmp_path, **machine))
    assert found.guest == platform
    assert found.why_guest
    assert found.hosts == ()  # they do not nest


@pytest.mark.parametrize(
    ("vendor", "files"),
    [(AMD, {**SNP_HOST, "dev/sev-guest": ""}), (INTEL, {**TDX_HOST, "dev/tdx_guest": ""})],
)
def test_a_confidential_guest_hosts_none(
    vendor: str, files: dict[str, str], tmp_path: Path
) -> None:
    found = look(tree(tmp_path, vendor=vendor, flags="hypervisor", files=files))
    assert found.hosts == ()
    assert "do not nest" in str(found.lacks)


@pytest.mark.parametrize("machine", NO_GUESTS)
def test_other_machines_are_none(machine: dict[str, Any], tmp_path: Path) -> None:
    assert look(tree(tmp_path, **machine)).guest == ""


def test_an_empty_root_is_no_error(tmp_path: Path) -> None:
    assert look(tmp_path).hosts == ()


@pytest.mark.parametrize(
    ("vendor", "files", "host"), [(AMD, SNP_HOST, "snp"), (INTEL, TDX_HOST, "tdx")]
)
def test_a_host_is_recognised(
    vendor: str, files: dict[str, str], host: str, tmp_path: Path
) -> None:
    assert look(tree(tmp_path, vendor=vendor, files=files)).hosts == (host,)


@pytest.mark.parametrize(
    ("vendor", "files", "without", "says"),
    [
        (AMD, SNP_HOST, "sys/module/kvm_amd/parameters/sev_snp", "KVM has no kvm_amd.sev_snp"),
        (AMD, SNP_HOST, "dev/sev", "/dev/sev does not exist"),
        (AMD, SNP_HOST, "dev/kvm", "/dev/kvm does not exist"),
        (INTEL, TDX_HOST, "sys/module/kvm_intel/parameters/tdx", "KVM has no kvm_intel.tdx"),
        (INTEL, TDX_HOST, "dev/kvm", "/dev/kvm does not exist"),
    ],
)
def test_what_a_host_lacks_is_told(
    vendor: str, files: dict[str, str], without: str, says: str, tmp_path: Path
) -> None:
    some = {name: text for name, text in files.items() if name != without}
    found = look(tree(tmp_path, vendor=vendor, files=some))
    assert found.hosts == ()
    assert any(says in lack for lacks in found.lacks.values() for lack in lacks)


def test_a_switch_that_is_off_is_no_host(tmp_path: Path) -> None:
    files = {**SNP_HOST, "sys/module/kvm_amd/parameters/sev_snp": "N\n"}
    found = look(tree(tmp_path, vendor=AMD, files=files))
    assert "sev_snp is off" in found.lacks["snp"][0]


def test_the_c_bit_is_the_processor_s(tmp_path: Path) -> None:
    found = look(tree(tmp_path, vendor=AMD, leaf=SNP_LEAF, files=SNP_HOST))
    assert (found.c_bit, found.reduced_bits) == (51, 5)


def test_a_processor_without_snp_has_no_c_bit(tmp_path: Path) -> None:
    found = look(tree(tmp_path, vendor=INTEL, leaf=(0x8000001F, (0, 0, 0, 0))))
    assert (found.c_bit, found.reduced_bits) == (None, None)


def test_doctor_tells_all_of_it_and_misses_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path, vendor=AMD, files={**SNP_HOST, "usr/share/ovmf/OVMF.amdsev.fd": ""})
    found = {check.name: check for check in hardware_checks(root, program="no-such-qemu")}
    assert found["host of SEV-SNP guests"].ok
    assert not found["host of TDX guests"].ok and AMD in found["host of TDX guests"].found
    assert "QEMU 9.1" in found["QEMU with sev-snp-guest"].remedy
    assert found["OVMF for SEV-SNP"].found.endswith("OVMF.amdsev.fd")
    assert all(check.is_optional for check in found.values())
