# SPDX-License-Identifier: GPL-2.0-only
"""The conformance guests in our emulator: every row holds, and a model with one wrong rule fails the rows of that rule alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptlab.analysis.run.ktap import FAILED, PASSED, SKIPPED
from acceptlab.toolkit.run.options import RunOptions
from tests.emulator import conformance
from tests.emulator.conformance import SOURCES, Conformed
from tests.emulator.mutants.subject import Emulator as MutantBuilder
from tests.mutation.engine import Mutant

Boots = Callable[..., Conformed]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance")
    conformance.build(folder)
    return folder


@pytest.fixture
def conform(images: Path, emulator: Path, tmp_path: Path) -> Boots:
    """Return the function that boots the guest of a platform; options as in RunOptions."""

    def boots(platform: str, binary: Path = emulator, **options: str) -> Conformed:
        asked = RunOptions("k", platform=platform, memory="256M", time_limit=60, **options)  # type: ignore[arg-type]
        image = images / f"conformance-{platform}"
        return conformance.boot(binary, image, tmp_path / "run", asked)

    return boots


def check_all(run: Conformed, skipped: set[str]) -> None:
    assert run.having(FAILED) == set()
    assert run.having(SKIPPED) == skipped
    assert run.results.missing == 0
    assert run.results.count(PASSED) >= 20
    assert run.outcome == "shutdown", run.reason


NO_RELEASE = "2.11.1,2.11.2"
NO_PENDING_VE = "2.6.1"


def test_every_row_of_snp_holds(conform: Boots) -> None:
    check_all(conform("snp"), set())


def test_every_row_of_tdx_holds(conform: Boots) -> None:
    check_all(conform("tdx"), {NO_RELEASE, NO_PENDING_VE})


def test_a_host_of_4k_pages_is_no_fault(conform: Boots) -> None:
    check_all(conform("snp", host="kvm"), {"1.1.1"})


def test_a_newer_module_and_ve_of_pending_pages_show_the_rest(conform: Boots) -> None:
    run = conform("tdx", host="kvm", tdx_module="2.0", pending_ve="on")
    check_all(run, {"2.2.2"})


@pytest.mark.long
@pytest.mark.parametrize(
    ("platform", "skipped"), [("snp", set()), ("tdx", {NO_RELEASE, NO_PENDING_VE})]
)
def test_unmodified_firmware_starts_the_guests(
    conform: Boots, platform: str, skipped: set[str]
) -> None:
    check_all(conform(platform, firmware="ovmf"), skipped)


@pytest.mark.parametrize(
    ("platform", "row", "outcome"),
    [
        ("snp", "1.6.2", "stopped"),
        ("snp", "1.7.9", "terminated"),
        ("tdx", "2.6.1-exit", "stopped"),
        ("tdx", "2.7.4-fatal", "terminated"),
    ],
)
def test_a_fatal_row_ends_the_guest(conform: Boots, platform: str, row: str, outcome: str) -> None:
    run = conform(platform, append=f"row={row}")
    assert run.results.results == ()
    assert run.results.missing == 1
    assert run.outcome == outcome


def test_a_row_can_be_chosen(conform: Boots) -> None:
    run = conform("snp", append="row=1.2.1")
    assert [one.name.split(" ")[0] for one in run.results.results] == ["1.2.1"]


@dataclass(frozen=True)
class Wrong:
    """A rule of the model that is changed, and the rows that it is the rule of."""

    platform: str
    file: str
    old: str
    new: str
    rows: set[str]


WRONG = {
    "an unknown event is invalid input": Wrong(
        "snp",
        "model/ghcb.c",
        "	default:\n		return GHCB_ERROR_INVALID_EVENT;",
        "	default:\n		return GHCB_ERROR_INVALID_INPUT;",
        {"1.8.11-event"},
    ),
    "usage is not checked": Wrong(
        "snp",
        "model/ghcb.c",
        "	if (usage)\n		return GHCB_ERROR_USAGE;\n",
        "",
        {"1.8.11-usage"},
    ),
    "RMPADJUST of one's own level": Wrong(
        "snp", "model/rmp.c", "target <= vmpl || ", "", {"1.3.1,1.3.2,1.3.6"}
    ),
    "an accepted page keeps what it held": Wrong(
        "tdx",
        "model/tdx_accept.c",
        "if (stale && ops->scrub)",
        "if (0 && stale && ops->scrub)",
        {"2.2.2", "2.2.8,2.2.10", "2.2.12", "2.7.1,2.7.6,2.7.7"},
    ),
    "a field that cannot be written is no error": Wrong(
        "tdx",
        "model/tdx_metadata.c",
        "return TDX_METADATA_FIELD_NOT_WRITABLE;",
        "return 0;",
        {"2.1.14-write,2.8.2"},
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_fails_its_rows_and_no_other(
    conform: Boots, tmp_path: Path, name: str
) -> None:
    wrong = WRONG[name]
    builder = MutantBuilder()
    binary = builder.build(Mutant(name, wrong.file, wrong.old, wrong.new), tmp_path)
    assert conform(wrong.platform, binary).having(FAILED) == wrong.rows


def test_each_row_has_an_id_of_its_own() -> None:
    listed = re.findall(
        r'^\t\{ "([^"]+)", "', "".join(one.read_text() for one in SOURCES.glob("rows_*.c")), re.M
    )
    assert len(listed) == len(set(listed)) > 50
