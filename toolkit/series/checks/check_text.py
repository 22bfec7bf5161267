# SPDX-License-Identifier: GPL-2.0-only
"""A check as plain text, for people."""

from __future__ import annotations

from acceptlab.analysis.printable import shown_lines
from acceptlab.toolkit.series.checks.problems import (
    PASS,
    SKIPPED,
    FunctionUse,
    Judged,
    PatchCheck,
    SeriesCheck,
)

_LISTED = 12
"""Problems of one step that are printed; --json has them all."""


def as_text(check: SeriesCheck) -> str:
    """Return the whole: a block for each patch, its steps in order, and a last line that sums up."""
    lines = [f"{check.series}: {check.title} ({check.total} patches on {check.base})", ""]
    for patch in check.patches:
        lines += [*_patch(patch, check.total), ""]
    bad = [patch for patch in check.patches if patch.state != PASS]
    of = f"{len(check.patches)} patch{'es' if len(check.patches) > 1 else ''} checked"
    numbers = ", ".join(str(patch.number) for patch in bad)
    lines.append(f"{check.state}: {of}, {f'problems with {numbers}' if bad else 'no new problem'}")
    return shown_lines("\n".join(lines) + "\n")


def _patch(patch: PatchCheck, total: int) -> list[str]:
    lines = [f"{patch.number}/{total} {patch.subject}"]
    for step in patch.steps:
        lines.append(f"  {step.state:<8}{step.name:<13}{summary(step)}".rstrip())
        lines += [f"            {problem.text}" for problem in step.new[:_LISTED]]
        if len(step.new) > _LISTED:
            lines.append(f"            and {len(step.new) - _LISTED} more")
        lines += [f"            {line}" for line in use_lines(step)]
        if step.new and step.log:
            lines.append(f"            see {step.log}")
    return lines


def use_lines(step: Judged) -> list[str]:
    """Return a line for each function that the patch touches: where it was executed and how often, or that it was not."""
    return [f"{one.function}() in {one.file}: {_use(one)}" for one in step.functions]


def _use(one: FunctionUse) -> str:
    if one.unseen:
        return f"not seen ({one.unseen})"
    told = [
        f"{platform} {', '.join(f'{stage} {times:,}' for stage, times in stages.items())}"
        for platform, stages in one.executed.items()
    ]
    return "; ".join(told) or "not executed"


def summary(step: Judged) -> str:
    """Return a step in a line: what is new, what was there before, and its note."""
    told = [
        f"{len(step.new)} new" if step.new else "",
        f"{len(step.old)} old" if step.old else "",
        step.note,
    ]
    return ", ".join(part for part in told if part) or ("" if step.state == SKIPPED else "nothing")
