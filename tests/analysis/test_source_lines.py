# SPDX-License-Identifier: GPL-2.0-only
"""Files and lines of addresses, from ELF files that the compiler here made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationHandler

from acceptlab.analysis.kernel.source_lines import SourceLines
from acceptlab.analysis.kernel.symbols import RunSymbols, symbols_of_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Kernel
from acceptlab.analysis.trace.schema import Stage
from tests.analysis.synthetic import MIB, UNIT_SIZE, Guest, Kind

BASE = 0xFFFFFFFF81000000
SOURCE = """\
int accept_memory(int start)
{
	return start + 1;
}

int _start(void)
{
	return accept_memory(2);
}
"""


def build(folder: Path, *options: str) -> Path:
    """A "kernel" whose code begins at BASE; the compiler runs in ``folder``, as kbuild does."""
    (folder / "mm").mkdir(exist_ok=True)
    (folder / "mm" / "accept.c").write_text(SOURCE)
    command = ["gcc", "-O0", "-nostdlib", "-static", "-no-pie", "-fno-pie", "-mcmodel=kernel"]
    command += [f"-Wl,-Ttext={BASE:#x}", "-Wl,--build-id=none", *options, "mm/accept.c"]
    subprocess.run([*command, "-o", "vmlinux"], cwd=folder, check=True)
    return folder / "vmlinux"


@pytest.mark.parametrize("version", [4, 5])
def test_the_line_of_an_address(version: int, tmp_path: Path) -> None:
    lines = SourceLines(build(tmp_path, f"-gdwarf-{version}"))
    assert lines.at(BASE) == "mm/accept.c:2"
    assert lines.at(BASE + 7) == "mm/accept.c:3"
    assert lines.at(BASE + 1_000_000) is None


@pytest.mark.parametrize("first", ["arch/x86/kernel/head_64.S", "arch/x86/kernel/other.S"])
def test_files_are_named_from_the_root_of_the_sources(first: str, tmp_path: Path) -> None:
    """kbuild compiles in a folder of objects, with whole paths; what a kernel begins with tells the root."""
    sources, objects = tmp_path / "linux", tmp_path / "objects"
    for folder in (objects, (sources / first).parent, sources / "mm"):
        folder.mkdir(parents=True)
    (sources / first).write_text(".globl _text\n.text\n_text:\n\tnop\n")
    (sources / "mm/accept.c").write_text(SOURCE)
    command = ["gcc", "-g", "-fno-pie", "-mcmodel=kernel", "-c"]
    for name in (first, "mm/accept.c"):
        subprocess.run([*command, str(sources / name)], cwd=objects, check=True)
    parts = [f"{Path(first).stem}.o", "accept.o"]
    subprocess.run(["ld", f"-Ttext={BASE:#x}", "-o", "vmlinux", *parts], cwd=objects, check=True)
    lines = SourceLines(objects / "vmlinux")
    root = "" if first.endswith("head_64.S") else f"{sources}/"
    assert lines.at(BASE) == f"{root}{first}:4"
    assert lines.at(BASE + 4) == f"{root}mm/accept.c:2"


def test_relocations_that_the_linker_kept_are_not_applied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that can be relocated has ten million of them, and its sections are final."""
    vmlinux = build(tmp_path, "-gdwarf-5", "-Wl,--emit-relocs")
    elf = ELFFile.load_from_path(str(vmlinux))
    assert elf.get_section_by_name(".rela.debug_line") is not None

    def refuse(*_: object) -> None:
        raise AssertionError("relocations are gone through")

    monkeypatch.setattr(RelocationHandler, "apply_section_relocations", refuse)
    assert SourceLines(vmlinux).at(BASE + 7) == "mm/accept.c:3"


def test_no_debug_information_is_no_error(tmp_path: Path) -> None:
    assert SourceLines(build(tmp_path)).at(BASE) is None
    assert SourceLines(tmp_path / "not-there").at(BASE) is None
    (tmp_path / "damaged").write_bytes((tmp_path / "vmlinux").read_bytes()[:200])
    assert SourceLines(tmp_path / "damaged").at(BASE) is None


def test_answers_are_kept(tmp_path: Path) -> None:
    vmlinux, kept = build(tmp_path, "-g"), tmp_path / "cache" / "lines.json"
    assert SourceLines(vmlinux, kept).at(BASE) == "mm/accept.c:2"
    assert json.loads(kept.read_text()) == {f"{BASE:#x}": "mm/accept.c:2"}
    vmlinux.unlink()
    assert SourceLines(vmlinux, kept).at(BASE) == "mm/accept.c:2"


def test_a_finding_names_the_line_and_its_rule(tmp_path: Path) -> None:
    from acceptlab.analysis.invariants.judge import replay_run

    vmlinux = build(tmp_path, "-g")
    guest = Guest()
    guest.boot()
    at = guest.layout.low + 16 * MIB
    guest.event(Kind.ACCEPT, at, UNIT_SIZE, carry=0, rip=BASE + 7, caller=BASE + 0x1D)
    guest.end()
    kernel = Kernel(version="6.12", vmlinux=str(vmlinux))
    folder = guest.write(tmp_path / "run", kernel=kernel, report={"kaslr_offset": "0x0"})
    finding = replay_run(folder).findings[0]
    assert finding.invariant == "I2"
    assert finding.evidence["symbol"] == "accept_memory+0x7"
    assert finding.evidence["source"] == "mm/accept.c:3"
    assert finding.evidence["caller_source"] == "mm/accept.c:8"
    assert "15.36.6" in finding.evidence["rule"]


def test_kaslr_is_taken_off(tmp_path: Path) -> None:
    guest = Guest()
    guest.end()
    kernel = Kernel(vmlinux=str(build(tmp_path, "-g")))
    report = {"kaslr_offset": 0x1000000}
    run = Run.open(guest.write(tmp_path / "run", kernel=kernel, report=report))
    found: RunSymbols = symbols_of_run(run, tmp_path / "cache")
    assert found.source_of(BASE + 0x1000000, Stage.KERNEL) == "mm/accept.c:2"
