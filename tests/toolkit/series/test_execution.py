# SPDX-License-Identifier: GPL-2.0-only
"""What the boots of a check executed of a patch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from acceptlab.toolkit.series.checks import execution
from acceptlab.toolkit.series.checks.check_text import as_text
from acceptlab.toolkit.series.checks.execution import BEFORE, EARLY, INLINED, NO_KERNEL
from acceptlab.toolkit.series.checks.machine_forms import as_b4, as_junit, as_ktap
from acceptlab.toolkit.series.checks.problems import (
    PASS,
    SKIPPED,
    FunctionUse,
    PatchCheck,
    SeriesCheck,
    Step,
    judge,
)
from acceptlab.toolkit.series.touched import Touched

TABLE = [
    (0x1000, "_text"),
    (0x1000, "startup_64"),
    (0x1800, "_stext"),
    (0x2000, "accept_memory"),
    (0x3000, "shared_late"),
    (0x3100, "__pi_shared_late"),
    (0x3200, "__pi_only_early"),
    (0x3300, "only_early"),
    (0x4000, "clone.isra.0"),
    (0x4100, "clone.cold"),
    (0x5000, "idle"),
]
KERNEL = execution.of_table(TABLE)


def boot(folder: Path, counts: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"report": {"counts": counts}}))
    return folder


def use(function: str, folders: dict[str, Path], file: str = "mm/a.c") -> FunctionUse:
    [one] = execution.step_of([Touched(function, file)], KERNEL, folders).functions
    return one


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Boots on two platforms."""
    snp = [
        {"name": "accept_memory", "executed": {"kernel": 7, "userspace": 2}},
        {"name": "clone.isra.0", "executed": {"kernel": 1}},
        {"name": "clone.cold", "executed": {"kernel": 2, "userspace": 1}},
        {"name": "shared_late", "executed": {"kernel": 4}},
        {"name": "idle", "executed": {}},
    ]
    tdx = [{"name": "accept_memory", "executed": {}}]
    return {"snp": boot(tmp_path / "snp", snp), "tdx": boot(tmp_path / "tdx", tdx)}


def test_executions_are_given_by_platform_and_stage(folders: dict[str, Path]) -> None:
    assert use("accept_memory", folders).executed == {"snp": {"kernel": 7, "userspace": 2}}
    assert use("idle", folders) == FunctionUse("idle", "mm/a.c", {}, "")


def test_parts_that_gcc_makes_of_a_function_are_that_function(folders: dict[str, Path]) -> None:
    assert use("clone", folders).executed == {"snp": {"kernel": 3, "userspace": 1}}


@pytest.mark.parametrize(
    ("function", "file", "why"),
    [
        ("inlined_one", "mm/a.c", INLINED),
        ("only_early", "arch/x86/boot/startup/sev.c", EARLY),
        ("startup_64", "arch/x86/kernel/head_64.S", EARLY),
        ("accept_memory", "arch/x86/boot/compressed/mem.c", BEFORE),
        ("accept_memory", "drivers/firmware/efi/libstub/unaccepted_memory.c", BEFORE),
        ("accept_memory", "tools/testing/memblock/mm_init.h", NO_KERNEL),
    ],
)
def test_what_no_boot_can_show_is_not_called_unexecuted(
    folders: dict[str, Path], function: str, file: str, why: str
) -> None:
    assert use(function, folders, file) == FunctionUse(function, file, {}, why)


def test_an_early_function_that_runs_later_too_is_executed(folders: dict[str, Path]) -> None:
    one = use("shared_late", folders)
    assert (one.executed, one.unseen) == ({"snp": {"kernel": 4}}, "")


def test_only_functions_of_the_kernel_are_counted_once_each() -> None:
    names = [
        *("accept_memory", "inlined_one", "clone", "accept_memory"),
    ]
    functions = [Touched(name, "mm/a.c") for name in names]
    functions.append(Touched("idle", "arch/x86/boot/compressed/mem.c"))
    assert execution.countable(functions, KERNEL) == ("accept_memory", "clone")
    assert execution.countable(functions, None) == ()


def step(folders: dict[str, Path]) -> Step:
    names = ("accept_memory", "idle", "inlined_one")
    return execution.step_of([Touched(name, "mm/a.c") for name in names], KERNEL, folders)


def test_the_step_sums_up_and_accuses_nobody(folders: dict[str, Path]) -> None:
    done = step(folders)
    assert done.note == "1 of 3 functions executed, 1 not executed, 1 not seen"
    assert judge(done, None).state == PASS


@pytest.mark.parametrize(
    ("functions", "kernel", "why"),
    [
        ((), KERNEL, "the patch touches no function"),
        ((Touched("idle", "mm/a.c"),), None, "the kernel's symbols were not found"),
        ((Touched("idle", "mm/a.c"),), KERNEL, "no boot was recorded"),
    ],
)
def test_nothing_to_say_is_said(
    functions: tuple[Touched, ...], kernel: execution.Functions | None, why: str
) -> None:
    done = execution.step_of(functions, kernel, {})
    assert (judge(done, None).state, done.note) == (SKIPPED, why)


def test_a_run_without_counts_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"report": None}))
    assert execution.counted(tmp_path) == {}
    assert execution.counted(tmp_path / "none") == {}


LINES = [
    "accept_memory() in mm/a.c: snp kernel 7, userspace 2",
    "idle() in mm/a.c: not executed",
    f"inlined_one() in mm/a.c: not seen ({INLINED})",
]


def test_every_form_names_the_functions(folders: dict[str, Path]) -> None:
    patch = PatchCheck(1, "mm: Change", "c" * 40, (judge(step(folders), None),))
    check = SeriesCheck("s", "t", "b", 1, (patch,))
    text = [line.strip() for line in as_text(check).splitlines()]
    assert [line for line in text if "() in " in line] == LINES
    suite = ElementTree.fromstring(as_junit(check))
    case = suite.find(".//testcase[@name='executed']")
    assert case is not None
    assert case.findtext("system-out") == "\n".join(LINES)
    assert case.find("failure") is None
    ktap = as_ktap(check).splitlines()
    assert [line.strip() for line in ktap if "() in " in line] == [f"# {line}" for line in LINES]
    assert any(line.strip() == "ok 1 executed" for line in ktap)
    [told] = as_b4([patch])
    assert (told["status"], told["details"]) == ("pass", "\n".join(LINES))
    [listed] = check.to_json()["patches"][0]["steps"]
    assert listed["functions"][0] == {
        "function": "accept_memory",
        "file": "mm/a.c",
        "executed": {"snp": {"kernel": 7, "userspace": 2}},
        "unseen": "",
    }
