# SPDX-License-Identifier: GPL-2.0-only
"""What a campaign shows: the result of an act from the verdict of its run, the table, and the exit code."""

from __future__ import annotations

import pytest

from acceptlab.analysis.report.campaign.campaign_sheet import CampaignSheet, Injection, result_of
from acceptlab.analysis.report.campaign.campaign_text import as_text

BY_FAULT = "Attack by the host (remap at 0x1000): noticed by a fault."
HARMLESS = "Attack by the host (busy): harmless; the guest ran to completion."
AGAIN = "Attack by the host (remap at 0x1000): not noticed; the guest accepted the page again."
OPEN = "Attack by the host (remap at 0x1000): not known whether the guest noticed."


@pytest.mark.parametrize(
    ("lines", "findings", "took_place", "result"),
    [
        ([BY_FAULT], [], True, ("noticed", "a fault")),
        ([HARMLESS], [], True, ("harmless", "")),
        ([AGAIN], [], True, ("not noticed", "")),
        ([OPEN], [], True, ("not known", "")),
        ([], [], True, ("not known", "")),
        ([BY_FAULT], ["I2 accepted twice"], True, ("not noticed", "I2 accepted twice")),
        ([BY_FAULT, AGAIN], [], True, ("not noticed", "")),
        ([HARMLESS], [], False, ("did not take place", "")),
    ],
)
def test_the_result_of_an_act(
    lines: list[str], findings: list[str], took_place: bool, result: tuple[str, str]
) -> None:
    assert result_of(lines, findings, took_place) == result


def injection(kind: str, act: str, result: str, how: str = "") -> Injection:
    return Injection(
        kind,
        act,
        f"kernel {act} 0x1000",
        result,
        how,
        "userspace",
        f"acceptlab run k --attack {act}",
    )


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (["noticed", "harmless"], 0),
        (["noticed", "not noticed", "not known"], 1),
        (["noticed", "did not take place"], 4),
    ],
)
def test_the_exit_code(results: list[str], code: int) -> None:
    sheet = CampaignSheet("k", "snp", [injection("at kernel", "remap", one) for one in results])
    assert sheet.exit_code == code


def test_the_table_shows_the_worst_of_a_cell_and_how_often() -> None:
    sheet = CampaignSheet(
        "k",
        "snp",
        [
            injection("at kernel", "remap", "noticed", "a fault"),
            injection("at kernel", "remap", "not noticed", "I2 accepted twice"),
            injection("at userspace", "psc-error", "harmless"),
        ],
    )
    assert as_text(sheet).splitlines() == [
        "k (snp): 3 injections: 1 harmless, 1 not noticed, 1 noticed",
        "",
        "              remap            psc-error",
        "at kernel     not noticed 1/2  -",
        "at userspace  -                harmless",
        "",
        "not noticed: kernel remap 0x1000: I2 accepted twice",
        "  acceptlab run k --attack remap",
    ]
