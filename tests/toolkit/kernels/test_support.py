# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel was built for, and what is said when that is not enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.kernels.support import Support, outweighed, remark, support_of


@pytest.mark.parametrize(
    ("platform", "names", "expected"),
    [
        ("tdx", ["tdx_early_init", "x"], True),
        ("tdx", ["snp_init"], False),
        ("snp", ["snp_init"], True),
        ("snp", ["__pi_snp_init"], True),  # 6.18 on
        ("snp", ["x", "snp_set_wakeup_secondary_cpu"], True),
        ("snp", ["tdx_early_init"], False),
        ("snp", [], None),
    ],
)
def test_support_is_read_off_the_symbols(
    platform: str, names: list[str], expected: bool | None
) -> None:
    assert support_of(platform, None, names, True) == Support(expected, True, bool(names))


def test_a_configuration_outweighs_symbols(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("# CONFIG_INTEL_TDX_GUEST is not set\nCONFIG_AMD_MEM_ENCRYPT=y\n")
    assert support_of("tdx", config, ["tdx_early_init"], False) == Support(False, False)
    assert support_of("snp", config, [], False) == Support(True, False, False)


@pytest.mark.parametrize(
    ("support", "says"),
    [
        (Support(True, True), ""),
        (Support(None, True), ""),
        (Support(False, False), "lacks support for TDX guests"),
        (Support(True, False), "lacks CONFIG_UNACCEPTED_MEMORY"),
        (Support(None, False), "lacks CONFIG_UNACCEPTED_MEMORY"),
    ],
)
def test_what_is_said(support: Support, says: str) -> None:
    assert says in remark(support, "tdx")
    assert bool(says) == bool(remark(support, "tdx"))


def test_a_kernel_that_acts_as_a_guest_can_be_one() -> None:
    assert outweighed(Support(False, True), True) == Support(True, True)
    assert outweighed(Support(False, False), False) == Support(False, False)
    assert outweighed(Support(None, True), False) == Support(None, True)
