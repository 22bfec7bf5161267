# SPDX-License-Identifier: GPL-2.0-only
"""Packages for a guest bring all that they need, and nothing else."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from acceptlab.toolkit.guest.python_packages import files_of


def test_a_package_brings_what_it_depends_on() -> None:
    names = set(files_of(["rich"]))
    assert {"rich/live.py", "pygments/__init__.py", "mdurl/__init__.py"} <= names
    assert not any(name.startswith(("numpy/", "../")) or "__pycache__" in name for name in names)


def test_what_is_unused_stays_out() -> None:
    assert "rich/live.py" not in files_of(["rich"], ("live",))


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(PackageNotFoundError):
        files_of(["no-such-package"])
