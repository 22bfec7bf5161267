# SPDX-License-Identifier: GPL-2.0-only
"""A whole run on a host: its files are made up, and its QEMU is a script that prints what a guest would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.hardware.host import Host
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.run.options import RunOptions
from tests.toolkit.hardware.trees import SNP_HOST, tree

TRACE = """\
# tracer: nop
#
# entries-in-buffer/entries-written: 2/2   #P:1
         swapper-0       [000] .....     0.100000: snp_accept_memory: (snp_accept_memory+0x0/0x100) start=0x100000000 end=0x100400000
         swapper-0       [000] .....     0.100500: snp_accept_memory_return: (accept_memory+0x8b/0xd0 <- snp_accept_memory)
"""
PRINTED = [
    "[    0.000000] Linux version 6.12",
    "ACCEPTLAB userspace",
    "ACCEPTLAB meminfo MemTotal=100 Unaccepted=0 nr_unaccepted=0 label=end",
    *(f"ACCEPTLAB trace {line}" for line in TRACE.splitlines()),
    "ACCEPTLAB done",
]
QEMU = """#!/bin/sh
case "$1" in --version) echo "QEMU emulator version 9.1.0"; exit;; esac
case "$2" in help) printf '  sev-snp-guest\\n  tdx-guest\\n'; exit;; esac
for word; do case "$word" in file,id=con,*) console=${word##*path=};; esac; done
echo "$@" >"$console.words"
{ends}
"""
OPTIONS = RunOptions("mine", memory="2G", hardware=True, workloads=("touch:64M",), time_limit=30)


def host(folder: Path, ends: str, files: dict[str, str] = SNP_HOST) -> Host:
    all_files = {**files, "usr/share/ovmf/OVMF.fd": ""}
    root = tree(folder / "root", vendor="AuthenticAMD", files=all_files)
    program = folder / "qemu"
    program.write_text(QEMU.replace("{ends}", ends))
    program.chmod(0o755)
    (folder / "printed").write_text("\r\n".join(PRINTED) + "\r\n")
    return Host(root, str(program))


def kernel(folder: Path) -> Kernel:
    (folder / "bzImage").write_bytes(b"")
    return Kernel("mine", folder / "bzImage", "6.12", "0" * 64)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that went well."""
    one = host(tmp_path, f'cat {tmp_path}/printed >"$console"')
    finished = one.perform(OPTIONS, kernel(tmp_path), tmp_path / "run")
    assert finished.outcome.word == "userspace"
    return tmp_path / "run"


def test_a_run_on_a_host_is_a_run_folder(run: Path) -> None:
    info = Run.open(run).info
    assert (info.outcome, info.source, info.clock) == ("userspace", "ftrace", "ns")
    assert info.reproduce.startswith("acceptlab run mine --platform snp")
    assert "--hardware" in info.reproduce
    assert {"page-states", "assign", "stop", "handoff"} <= set(info.absent)
    assert info.events.complete


def test_what_cannot_be_seen_from_inside_is_not_decided(run: Path) -> None:
    verdict = replay_run(run, write=False)
    assert verdict.verdict == "undecided"
    status = {one.name: one.status for one in verdict.invariants}
    assert "holds" not in (status["I1"], status["I2"], status["I3"])


def test_the_guest_is_told_to_trace_and_print(run: Path) -> None:
    words = (run / "console.log.words").read_text()
    assert "kprobe_event=p:accept_memory,accept_memory," in words
    assert "p:snp_accept_memory,snp_accept_memory,start=" in words
    assert "acceptlab.workload=touch:67108864" in words
    assert words.index("touch") < words.index("acceptlab.workload=ftrace")


def test_a_guest_without_a_trace_has_no_events_and_says_so(tmp_path: Path) -> None:
    one = host(tmp_path, f'grep -v trace {tmp_path}/printed >"$console"')
    finished = one.perform(OPTIONS, kernel(tmp_path), tmp_path / "run")
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert finished.events is None
    assert "printed no trace" in info["events"]["problem"]
    assert "accept" in info["absent"]


def test_a_qemu_that_refuses_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    one = host(tmp_path, 'echo "sev_snp_launch_start: no such thing" >&2; exit 1')
    with pytest.raises(MachineError, match="did not start the guest: sev_snp_launch_start"):
        one.perform(OPTIONS, kernel(tmp_path), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_machine_that_cannot_says_all_that_is_missing(tmp_path: Path) -> None:
    one = host(tmp_path, "", files={"dev/kvm": ""})
    with pytest.raises(MachineError) as raised:
        one.perform(OPTIONS, kernel(tmp_path), tmp_path / "run")
    assert "KVM has no kvm_amd.sev_snp" in str(raised.value)
    assert "/dev/sev does not exist" in str(raised.value)
    assert "--dry-run" in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_works_on_any_machine_and_writes_nothing(tmp_path: Path) -> None:
    nowhere = Host(tmp_path / "empty", "no-such-qemu")
    line = nowhere.dry_run(OPTIONS, kernel(tmp_path), tmp_path / "run")
    assert line.startswith("no-such-qemu ") and "sev-snp-guest" in line
    assert not (tmp_path / "run").exists()
