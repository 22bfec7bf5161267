# SPDX-License-Identifier: GPL-2.0-only
"""The reference series' KUnit tests, run at boot in the emulator: every one of them is there, and passes."""

from __future__ import annotations

import re

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve
from tests.boots.conftest import BootGuest

pytestmark = pytest.mark.long
OURS = "lazy-accept-kunit"
HOW = (
    "acceptlab kernel build --tree (what `series apply lazy-accept` made) --config data/config/guest.config "
    f"--config data/config/kunit.config --name {OURS}"
)
SUITES = {"held-pages": 7, "accept-policy": 9, "unaccepted-map": 8}
"""How many tests each suite has (mm/held_pages_test.c, mm/accept_policy_test.c, mm/unaccepted_test.c)."""
_RESULT = re.compile(r"\] ( *)(not ok|ok) \d+ ([\w-]+)")


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_all_unit_tests_pass_at_boot(boot: BootGuest, platform: str) -> None:
    try:
        kernel = str(resolve(OURS).image)
    except AcceptlabError as error:
        pytest.skip(f"its kernel is not built ({HOW}): {error}")
    run = boot(kernel, "--platform", platform, "--memory", "2G", "--firmware-accepts", "minimal")
    results = [found.groups() for found in _RESULT.finditer(run.console)]
    assert [name for _, result, name in results if result == "not ok"] == []
    assert {name for indent, _, name in results if not indent} == set(SUITES)
    assert sum(bool(indent) for indent, _, _ in results) == sum(SUITES.values())
    assert (run.run["outcome"], run.verdict["verdict"]) == ("userspace", "clean"), run.output
