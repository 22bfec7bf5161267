# SPDX-License-Identifier: GPL-2.0-only
"""What differs between versions of QEMU is in one header and in the hooks."""

from __future__ import annotations

import re

from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu import bases

OF_ONE_VERSION = re.compile(
    r"QEMU_VERSION|\benv_ptr\b|sysemu/|softmmu/|qapi/qmp/|qemu_mutex_(un)?lock_iothread|qemu_mutex_iothread_locked"
    r"|\bcpu_neg\(|\bdo_pause\(|\bcpu_cc_compute_all\(|\bneg\.icount_decr"
)
"""Names that not every version of QEMU has: those of 7.2, and those of 10.0 in their place."""
GLUE = CHECKOUT / "emulator" / "qemu"


def test_only_one_header_has_names_of_one_version() -> None:
    holders = {path.name for path in GLUE.glob("*.[ch]") if OF_ONE_VERSION.search(path.read_text())}
    assert holders == {"compat.h"}


def test_every_base_has_hooks_and_every_series_a_base() -> None:
    folders = {path.name for path in (GLUE / "hooks").iterdir()}
    assert folders == set(bases.known())


def test_every_series_adds_the_same_properties() -> None:
    """What one adds to QEMU's schema of objects, the others add, too: an option works on every base."""
    added = {version: _added_to_the_schema(version) for version in bases.known()}
    assert set(map(len, added.values())) != {0}
    assert len(set(added.values())) == 1, added


def _added_to_the_schema(version: str) -> tuple[str, ...]:
    """Return the lines that the version's hooks add to qapi/qom.json, but for the versions in them."""
    text = "".join(path.read_text() for path in sorted((GLUE / "hooks" / version).iterdir()))
    parts = re.findall(r"^\+\+\+ b/qapi/qom\.json\n(.*?)(?=^diff |\Z)", text, re.M | re.S)
    lines = re.findall(r"^\+(.*)$", "".join(parts), re.M)
    return tuple(line for line in lines if not line.startswith("# Since:"))
