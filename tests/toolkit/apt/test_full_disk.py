# SPDX-License-Identifier: GPL-2.0-only
"""A full disk is named as such, whatever else apt says at the end of its output."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt import client
from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.apt.sources import Derived
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.progress import step

UPDATE = """\
Get:1 http://mirror.example/debian bookworm InRelease [151 kB]
Ign:4 http://mirror.example/debian bookworm/main Sources
Err:4 http://mirror.example/debian bookworm/main Sources
  Error writing to output file - write (28: No space left on device) [IP: 192.0.2.1 80]
Reading package lists...
E: Failed to fetch http://mirror.example/debian/dists/bookworm/main/source/Sources.xz  Error writing to output file - write (28: No space left on device) [IP: 192.0.2.1 80]
E: Some index files failed to download. They have been ignored, or old ones used instead.
"""
DOWNLOAD = """\
Get:1 http://mirror.example/debian bookworm/main amd64 linux-image-6.12 [1000 kB]
Err:1 http://mirror.example/debian bookworm/main amd64 linux-image-6.12
  Error writing to file - write (28: No space left on device) [IP: 192.0.2.1 80]
E: Failed to fetch http://mirror.example/debian/pool/l.deb  Error writing to file - write (28: No space left on device) [IP: 192.0.2.1 80]
E: Some files failed to download
"""
CHECKED = """\
Need to get 150 MB of source archives.
E: You don't have enough free space in /cache/deb
"""
NETWORK = """\
Err:1 http://mirror.example/debian bookworm InRelease
  Could not connect to mirror.example:80
E: Some index files failed to download. They have been ignored, or old ones used instead.
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file whose content stands for what apt-get prints before it fails."""
    folder, says = tmp_path / "bin", tmp_path / "says"
    folder.mkdir()
    (folder / "apt-get").write_text(f"#!/bin/sh\ncat {says}\ncat {says} >&2\nexit 100\n")
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(client, "derive", lambda *_: Derived("deb http://x y main\n", ""))
    return says


@pytest.mark.parametrize(("says", "full"), [(UPDATE, True), (NETWORK, False)])
def test_package_lists_on_a_full_disk(says: str, full: bool, apt: Path, tmp_path: Path) -> None:
    apt.write_text(says)
    with pytest.raises(MachineError) as error, step("lists") as progress:
        Archive(tmp_path / "cache").update(progress)
    assert str(error.value).startswith(f"disk full ({tmp_path / 'cache'}): free") == full
    assert ("Some index files failed" in str(error.value)) != full
    assert error.value.exit_code == 3


@pytest.mark.parametrize("looks", [[0], [0, 1 << 30, 0]])
def test_apt_that_stays_on_a_full_disk_is_ended(
    looks: list[int], apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian 12's apt-get update waits without end there. Once full is not enough: it may tidy up."""
    apt.write_text("Get:1 http://mirror.example/debian bookworm/main Sources [9492 kB]\n")
    (tmp_path / "bin" / "apt-get").write_text(f"#!/bin/sh\ncat {apt}\nexec sleep 600\n")
    free = itertools.chain(looks, itertools.repeat(0))
    seen = []

    def free_bytes(folder: Path) -> int:
        seen.append(next(free))
        return seen[-1]

    monkeypatch.setattr(full_disk, "free_bytes", free_bytes)
    monkeypatch.setattr(full_disk, "EVERY", 0.02)
    with pytest.raises(MachineError, match=r"disk full \("), step("lists") as progress:
        Archive(tmp_path / "cache").update(progress)
    assert seen == [*looks, 0]


def test_the_free_space_is_that_of_the_disk(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    most = found.f_blocks * found.f_frsize
    assert 0 < full_disk.free_bytes(tmp_path / "not" / "there") <= most


@pytest.mark.parametrize(("says", "full"), [(DOWNLOAD, True), (CHECKED, True), (NETWORK, False)])
def test_a_package_on_a_full_disk(says: str, full: bool, apt: Path, tmp_path: Path) -> None:
    apt.write_text(says)
    with pytest.raises(MachineError) as error, step("package") as progress:
        Archive(tmp_path / "cache").download_binary(
            "linux-image-6.12", "1", tmp_path / "deb", progress
        )
    assert str(error.value).startswith(f"disk full ({tmp_path / 'deb'}): free") == full
