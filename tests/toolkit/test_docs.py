# SPDX-License-Identifier: GPL-2.0-only
"""Every command of docs/ works as it stands there, and every trace text in it can be imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from acceptlab.analysis.exit_codes import UNDECIDED
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from acceptlab.toolkit.collect import permission
from acceptlab.toolkit.places import CHECKOUT
from tests.analysis.readers.samples import FTRACE, read

DOCS = CHECKOUT / "docs"


def blocks(page: str) -> list[str]:
    """The shell commands of a page, block by block."""
    text = (DOCS / page).read_text()
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(block: str, folder: Path, codes: Collection[int] = (0,)) -> str:
    """What the commands print; every one of them has to succeed, and the last one to end with one of ``codes``."""
    if not (folder / "acceptlab").exists():
        (folder / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    done = subprocess.run(
        ["bash", "-ec", block], cwd=folder, env=os.environ, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode in codes, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.processes
def test_importing_and_exporting(tmp_path: Path) -> None:
    (tmp_path / "trace.txt").write_text(FTRACE)
    run(blocks("importing.md")[0], tmp_path)
    assert (tmp_path / "imported" / "events.pftrace").is_file()
    assert (tmp_path / "imported.csv").is_file()


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_tracing_a_boot_by_ftrace_shows_the_emulator_s_accepts(tmp_path: Path) -> None:
    """The units that ftrace saw accepted are the last that the emulator saw, in the same order."""
    run(blocks("importing.md")[1], tmp_path)
    inside, outside = (units(tmp_path / name) for name in ("seen-by-ftrace", "seen"))
    assert len(inside) > 50
    assert inside == outside[-len(inside) :]


def units(folder: Path) -> list[int]:
    """The units accepted, in order."""
    found: list[int] = []
    for batch in EventFile(folder / "events.parquet").batches():
        done = (batch["kind"] == Kind.ACCEPT) & (batch["result"] == 0)
        for gpa, size in zip(
            batch["gpa"][done].tolist(), batch["size"][done].tolist(), strict=True
        ):
            found += range(gpa // UNIT_SIZE, (gpa + size) // UNIT_SIZE)
    return found


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_collecting_sees_what_the_emulator_records(tmp_path: Path) -> None:
    problems = permission.against_uprobes()
    if problems:
        pytest.skip(f"eBPF is not permitted here: {problems[0]}")
    said = run("".join(blocks("collecting.md")), tmp_path)
    assert said.count(": clean:") == 2
    own, seen = (tmp_path / name / "events.parquet" for name in ("own", "by-ebpf"))
    assert own.read_bytes() == seen.read_bytes()


def test_every_block_is_run() -> None:
    assert (len(blocks("importing.md")), len(blocks("trace-text.md"))) == (2, 0)


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_a_kernel_under_schedules(tmp_path: Path) -> None:
    said = run("\n".join(blocks("schedules.md")), tmp_path)
    assert "one-schedule: clean:" in said
    assert "3 of 3 schedules run, no finding" in said


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_a_kernel_against_a_malicious_host(tmp_path: Path) -> None:
    first, *others = [run(block, tmp_path, (0, UNDECIDED)) for block in blocks("campaign.md")]
    assert "debian:6.12 (tdx): 2 injections: " in first and others
    for name, table in tables_of_campaigns().items():
        assert results_in(tmp_path / name / "campaign.json") == table, name


def tables_of_campaigns() -> dict[str, dict[tuple[str, str], str]]:
    """Return the tables of docs/campaign.md by the folder that the command above each writes: moment and act, and the result."""
    found = {}
    for name, text in re.findall(
        r"--at every --out (\S+)\n```\n\n((?:\|.*\n)+)", (DOCS / "campaign.md").read_text()
    ):
        heads, _, *rows = [
            [cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()
        ]
        found[name] = {
            (row[0].replace("`", ""), act): cell
            for row in rows
            for act, cell in zip(heads[1:], row[1:], strict=True)
            if cell != "-"
        }
    return found


def results_in(sheet: Path) -> dict[tuple[str, str], str]:
    """Return the results of a campaign in the words of the tables: how, where the guest noticed."""
    return {
        (one["kind"].removesuffix(" by not known"), one["act"]): re.sub("^(a|the) ", "", one["how"])
        if one["result"] == "noticed"
        else one["result"]
        for one in json.loads(sheet.read_text())["injections"]
    }


def test_every_table_of_a_campaign_is_compared() -> None:
    tables = tables_of_campaigns()
    assert len(tables) == (DOCS / "campaign.md").read_text().count("--at every --out")
    assert all(len(table) > 30 for table in tables.values())


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_debugging(tmp_path: Path) -> None:
    said = run("\n".join(blocks("debug.md")), tmp_path)
    assert "Halted at the first call of accept_memory()" in said
    assert "the last accept of 0x10000000" in said
    assert '"moment": "900,000,000 instructions"' in said


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_root_file_systems(tmp_path: Path) -> None:
    said = run("\n".join(blocks("root.md")), tmp_path)
    assert "overlay on / type overlay" in said
    assert "with-tree: clean:" in said


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_conformance_guests(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(CHECKOUT / "tests")
    said = run("\n".join(blocks("conformance.md")), tmp_path)
    assert "ok 1 - 1.2.1 PVALIDATE changes the Validated bit" in said
    assert "ok 1 - 2.2.8,2.2.10 ACCEPT of a page" in said
    assert "not ok" not in said


@pytest.mark.boots
@pytest.mark.emulator
def test_latency(tmp_path: Path) -> None:
    said = run("\n".join(blocks("latency.md")), tmp_path)
    for words in ("Locks, and vCPUs that wait", "Modelled, not measured", "12 TiB", "Stalls"):
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


@pytest.mark.long
@pytest.mark.boots
@pytest.mark.emulator
def test_memory_that_comes_and_goes(tmp_path: Path) -> None:
    said = run("".join(blocks("hotplug.md")), tmp_path)
    assert "I1 accessed hot-added memory that nobody accepted" in said
    assert "replugged: clean:" in said
    assert "resized: clean:" in said
    assert "nodes: clean:" in said
