# SPDX-License-Identifier: GPL-2.0-only
"""Root file systems on a virtio disk: programs run in them, and two runs have the same events."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from acceptlab.toolkit.guest.programs import libraries_of
from tests.boots.conftest import BootGuest
from tests.session_folder import session_folder

PLATFORMS = pytest.mark.parametrize("platform", ["snp", "tdx"])
LATER = pytest.mark.long
TIME = 1_000_000_000
JOB = """\
#!/bin/sh
echo "kept $(cat /data/text)"
echo written >/data/new && cat /data/new
exit ${1:-0}
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with dash, cat, sha256sum, their libraries, and a script."""
    folder = session_folder(tmp_path_factory, "root-for-boots") / "tree"
    if not folder.exists():
        beside = folder.with_name(f"beside-{os.getpid()}")
        for name in ("sh", "cat", "sha256sum", "head"):
            program = Path(shutil.which(name) or "")
            for path in (program, *libraries_of(program)):
                there = beside / str(path)[1:]
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, there)
                there.chmod(0o755)
        (beside / "bin").exists() or (beside / "bin").symlink_to("usr/bin")
        (beside / "data").mkdir()
        (beside / "data" / "text").write_text("on the disk\n")
        (beside / "data" / "large").write_bytes(bytes(range(256)) * 16384)
        job = beside / "usr" / "bin" / "job"
        job.write_text(JOB)
        job.chmod(0o755)
        for path in (beside, *beside.rglob("*")):
            os.utime(path, (TIME, TIME), follow_symlinks=False)
        beside.replace(folder)
    return folder


def words(platform: str, root: Path, *more: str) -> list[str]:
    return [*f"--platform {platform} --memory 2G".split(), f"--root={root}", *more]


@PLATFORMS
def test_a_program_of_the_root_runs_and_two_runs_are_the_same(
    boot: BootGuest, root: Path, platform: str
) -> None:
    first, second = (
        boot("debian:newest", *words(platform, root, "--exec=job"), again=number)
        for number in (0, 1)
    )
    lines = first.output.splitlines()
    assert lines.index("kept on the disk") < lines.index("written")
    assert first.exit_code == 0, first.output
    assert first.verdict["verdict"] == "clean", first.verdict["findings"]
    assert first.run["root"]["mode"] == "overlay"
    assert first.run["not_repeatable"] == ""
    assert first.run["events"]["sha256"] == second.run["events"]["sha256"]
    assert first.console == second.console
    assert (root / "data").is_dir()
    assert not (root / "data" / "new").exists()


@LATER
@PLATFORMS
def test_what_is_written_to_the_disk_is_read_back(
    boot: BootGuest, root: Path, platform: str
) -> None:
    """With the page cache dropped: by DMA both ways, through shared memory."""
    job = (
        "cat /data/large >/data/copy; echo 3 >/proc/sys/vm/drop_caches; sha256sum /data/large /data/copy; "
        "cat /proc/mounts"
    )
    given = words(platform, root, "--root-mode=rw", f"--exec=sh -c '{job}'")
    first, second = (boot("debian:6.12", *given, again=number) for number in (0, 1))
    sums = [
        line.split()[0] for line in first.output.splitlines() if line.endswith(("/large", "/copy"))
    ]
    assert len(sums) == 2
    assert sums[0] == sums[1]
    assert "/dev/vda / ext4 rw" in first.output
    assert first.verdict["verdict"] == "clean", first.verdict["findings"]
    assert first.run["events"]["sha256"] == second.run["events"]["sha256"]
    assert not (root / "data" / "copy").exists()


@LATER
def test_the_exit_code_of_the_program_is_that_of_the_run(boot: BootGuest, root: Path) -> None:
    done = boot("debian:newest", *words("snp", root, "--root-mode=ro", "--exec=job 3"))
    assert done.exit_code == 1
    assert "the program ended: exit 3" in done.output
    assert "Read-only file system" in done.output


@LATER
@PLATFORMS
def test_a_debian_userspace(boot: BootGuest, platform: str) -> None:
    given = ["--root=debian:trixie", "--exec=bash -c 'id -un; awk 1 /etc/debian_version'"]
    done = boot("debian:newest", *f"--platform {platform} --memory 2G".split(), *given)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "root" in lines
    assert any(line.startswith("13") for line in lines)


@pytest.mark.parametrize("platform", ["tdx", pytest.param("snp", marks=LATER)])
def test_a_root_on_pci(boot: BootGuest, root: Path, platform: str) -> None:
    first, second = (
        boot("debian:newest", *words(platform, root, "--machine=q35", "--exec=job"), again=number)
        for number in (0, 1)
    )
    assert "kept on the disk" in first.output.splitlines()
    assert first.exit_code == 0, first.output
    assert first.run["emulator"]["machine"] == "q35"
    assert first.verdict["verdict"] == "clean", first.verdict["findings"]
    assert first.run["events"]["sha256"] == second.run["events"]["sha256"]


@LATER
@PLATFORMS
def test_random_numbers_of_a_device(boot: BootGuest, platform: str) -> None:
    given = f"--platform {platform} --memory 2G --machine q35 --device rng".split()
    done = boot("debian:newest", *given)
    assert done.exit_code == 0, done.output
    assert done.run["modules"] == ["virtio_rng"]
    assert "random number device" in done.run["not_repeatable"]


@LATER
@PLATFORMS
def test_a_root_under_real_firmware(boot: BootGuest, root: Path, platform: str) -> None:
    given = f"--platform {platform} --memory 4G --firmware ovmf --exec job".split()
    done = boot("debian:newest", *given, f"--root={root}")
    assert "kept on the disk" in done.output.splitlines()
    assert done.exit_code == 0, done.output
