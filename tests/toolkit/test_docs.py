# SPDX-License-Identifier: GPL-2.0-only
"""Every command of docs/ works as it stands there, and every trace text in it can be imported."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.analysis.readers.samples import FTRACE, read
from toolkit.places import CHECKOUT

DOCS = CHECKOUT / "docs"


def commands(page: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_importing(tmp_path: Path) -> None:
    (tmp_path / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    (tmp_path / "trace.txt").write_text(FTRACE)
    assert len(commands("importing.md")) == 4
    for command in commands("importing.md"):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "imported" / "events.pftrace").is_file()
    assert (tmp_path / "imported.csv").is_file()


def test_hardware(tmp_path: Path) -> None:
    (tmp_path / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    assert len(commands("hardware.md")) == 2
    for command in commands("hardware.md"):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert "-accel kvm" in done.stdout


def test_latency(tmp_path: Path) -> None:
    (tmp_path / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    said = ""
    for command in commands("latency.md"):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said += done.stdout
    for words in ("Locks, and vCPUs waiting", "Modelled, not measured", "12 TiB", "Stalls"):
        assert words in said


def test_the_example_of_trace_text_is_read(tmp_path: Path) -> None:
    page = (DOCS / "trace-text.md").read_text()
    (example,) = re.findall(
        r"^    # acceptlab trace 1.*?^    end [^\n]*\n", page, re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"^    ", "", example, flags=re.MULTILINE)
    assert read(text.encode(), tmp_path).events.problem is None


@pytest.mark.parametrize("name", ["docs/importing.md", "docs/hardware.md", "docs/latency.md"])
def test_the_readme_leads_there(name: str) -> None:
    assert f"]({name})" in (CHECKOUT / "README.md").read_text()
