# SPDX-License-Identifier: GPL-2.0-only
"""The command line of a kernel build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels import kbuild


def test_a_script_that_stands_for_python_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W=1 runs Python for every object."""
    script = tmp_path / "python3"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    words = kbuild.make_words(Path("/tree"), Path("/objects"), warnings=True)
    (python,) = (word for word in words if word.startswith("PYTHON3="))
    assert python == "PYTHON3=/usr/bin/python3"


def test_a_machine_without_that_python_has_make_find_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kbuild, "_PYTHON", "/nonexistent/python3")
    words = kbuild.make_words(Path("/tree"), Path("/objects"), warnings=False)
    assert not [word for word in words if word.startswith("PYTHON3=")]
