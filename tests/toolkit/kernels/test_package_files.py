# SPDX-License-Identifier: GPL-2.0-only
"""Files of a package are written below a folder, and nothing outside of it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels.package_files import write_member


def written(folder: Path, member: tarfile.TarInfo, content: bytes = b"image") -> None:
    """Write the one member of an archive, which is read as a stream."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member.size = len(content) if member.isfile() else 0
        tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    with tarfile.open(fileobj=packed, mode="r|") as tar:
        for one in tar:
            write_member(tar, one, folder)


def test_a_file_is_written_at_its_path(tmp_path: Path) -> None:
    written(tmp_path, tarfile.TarInfo("./boot/vmlinuz-7.3"))
    assert (tmp_path / "boot/vmlinuz-7.3").read_bytes() == b"image"


@pytest.mark.parametrize("name", ["../outside", "boot/../../outside", "/outside"])
def test_a_path_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with pytest.raises(tarfile.TarError, match="outside"):
        written(folder, tarfile.TarInfo(name))
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["folder"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_what_is_no_file_is_refused(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("boot/vmlinuz-7.3")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(tarfile.TarError):
        written(tmp_path, member)
    assert not list(tmp_path.iterdir())
