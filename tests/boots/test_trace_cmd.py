# SPDX-License-Identifier: GPL-2.0-only
"""`trace-cmd record` in a guest of the series' kernel: its trace.dat, of every version, tells what the emulator saw.

The machine's own trace-cmd is put into the guest. With ACCEPTLAB_KEEP_RECORDED=1 the files become those that faster tests read.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acceptlab.toolkit.guest import programs
from tests.boots import series_kernel
from tests.boots.accepted_pages import PAGE, assert_part_of
from tests.boots.conftest import BootGuest
from tests.boots.out_of_guest import unpack
from tests.toolkit.importing.recorded import NAMES, Pages, imported, keep

pytestmark = pytest.mark.long
PROGRAMS = ("trace-cmd", "head", "taskset", "tar", "xz", "base64")
JOB = """\
echo 1 >/proc/sys/kernel/printk
: >/tmp/none
mount --bind /tmp/none /proc/kallsyms
record() {
	name=$1
	shift
	trace-cmd record -q -e accept -o /tmp/$name.dat "$@" sh -c '
		taskset 1 head -c 280M /dev/zero >/tmp/one-$1 &
		taskset 2 head -c 280M /dev/zero >/tmp/two-$1
		wait' sh $name || echo ACCEPTLAB failed $name
}
record 6 --file-version 6
record 7 --file-version 7 --compression none
record 7-zstd --file-version 7 --compression zstd
tar -C /tmp -cJf - 6.dat 7.dat 7-zstd.dat | base64 | while read line
do
	echo ACCEPTLAB file $line
done
"""
"""Each recording uses memory on both vCPUs that nobody has used before."""


def seen_by_the_emulator(run: Path) -> Pages:
    """Page numbers by vCPU, in the order in which they were first accepted."""
    found: Pages = {}
    columns = ["kind", "vcpu", "gpa", "size", "result", "carry"]
    for row in pq.read_table(run / "events.parquet", columns=columns).to_pylist():
        if row["kind"] == "accept" and row["result"] == 0 and row["carry"] != 1:
            pages = range(row["gpa"] // PAGE, (row["gpa"] + row["size"]) // PAGE)
            found.setdefault(row["vcpu"], []).extend(pages)
    return {vcpu: list(dict.fromkeys(pages)) for vcpu, pages in found.items()}


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_trace_dat_of_every_version(platform: str, boot: BootGuest, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(programs.initramfs(JOB, PROGRAMS))
    words = ["--memory", "4G", "--cpus", "2", "--firmware-accepts", "minimal", "--initrd"]
    done = boot(series_kernel.image("lazy-accept"), "--platform", platform, *words, str(initrd))
    unpack(done.console, tmp_path)
    files = {name: (tmp_path / f"{name}.dat").read_bytes() for name in NAMES}
    own, seen = seen_by_the_emulator(done.folder), {}
    for name, data in files.items():
        info, seen[name] = imported(data, tmp_path)
        assert info.events.complete, info.events.problem
        assert sum(map(len, seen[name].values())) * PAGE > 512 << 20
        for vcpu, pages in seen[name].items():
            assert_part_of(pages, own[vcpu])
    if os.environ.get("ACCEPTLAB_KEEP_RECORDED") and platform == "tdx":
        keep(files, seen)
