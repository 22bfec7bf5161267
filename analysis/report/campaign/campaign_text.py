# SPDX-License-Identifier: GPL-2.0-only
"""What a campaign found, as plain text: a table of acts and moments, and what was not noticed with the line that reproduces it."""

from __future__ import annotations

from collections import Counter

from acceptlab.analysis.report.campaign.campaign_sheet import NOT_NOTICED, CampaignSheet, Injection


def as_text(sheet: CampaignSheet) -> str:
    """Return the headline, the table, and every act that was not noticed."""
    counted = Counter(one.result for one in sheet.injections)
    words = ", ".join(f"{number} {word}" for word, number in sorted(counted.items()))
    lines = [f"{sheet.kernel} ({sheet.platform}): {len(sheet.injections)} injections: {words}", ""]
    lines += _table(sheet)
    for one in sheet.injections:
        if one.result == NOT_NOTICED:
            lines += [
                "",
                f"not noticed: {one.attack}: {one.how or 'the guest went on'}",
                f"  {one.reproduce}",
            ]
    return "\n".join(lines)


def _table(sheet: CampaignSheet) -> list[str]:
    width = max([len(kind) for kind in sheet.kinds], default=0)
    columns = {
        act: max(len(act), *(len(_shown(sheet.cell(kind, act))) for kind in sheet.kinds))
        for act in sheet.acts
    }
    heading = "  ".join([" " * width, *(act.ljust(columns[act]) for act in sheet.acts)])
    rows = [
        "  ".join(
            [
                kind.ljust(width),
                *(_shown(sheet.cell(kind, act)).ljust(columns[act]) for act in sheet.acts),
            ]
        )
        for kind in sheet.kinds
    ]
    return [line.rstrip() for line in (heading, *rows)]


def _shown(cell: list[Injection]) -> str:
    """Return the worst result of a cell, how it was noticed, and how many of the cell's injections have it."""
    if not cell:
        return "-"
    worst = cell[0]
    same = sum(one.result == worst.result for one in cell)
    how = f" ({worst.how})" if worst.how and worst.result != NOT_NOTICED else ""
    return f"{worst.result}{how}" + (f" {same}/{len(cell)}" if len(cell) > 1 else "")
