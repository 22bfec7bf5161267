# SPDX-License-Identifier: GPL-2.0-only
"""A check for other programs: JUnit XML and KTAP for continuous integration, and b4's own protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from acceptlab.toolkit.series.checks.check_text import summary, use_lines
from acceptlab.toolkit.series.checks.problems import (
    FAIL,
    PASS,
    SKIPPED,
    WARN,
    Judged,
    PatchCheck,
    SeriesCheck,
    worst,
)

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets)."""


def as_junit(check: SeriesCheck) -> str:
    """Return JUnit's XML: a test suite for each patch, a test case for each step; a warning is a failure of type `warn`."""
    root = ElementTree.Element("testsuites", name=_clean(check.series))
    for patch in check.patches:
        states = [step.state for step in patch.steps]
        suite = ElementTree.SubElement(
            root, "testsuite", name=_clean(f"{patch.number:04d} {patch.subject}"), tests=str(len(states)),
            failures=str(sum(state in (FAIL, WARN) for state in states)), errors="0",
            skipped=str(states.count(SKIPPED)),
        )  # fmt: skip
        for step in patch.steps:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_clean(f"{check.series}.{patch.number:04d}"),
                name=step.name,
            )
            if step.state == SKIPPED:
                ElementTree.SubElement(case, "skipped", message=_clean(step.note))
            elif step.state != PASS:
                told = ElementTree.SubElement(
                    case, "failure", type=step.state, message=_clean(summary(step))
                )
                told.text = _clean(_details(step))
            if step.functions:
                ElementTree.SubElement(case, "system-out").text = _clean("\n".join(use_lines(step)))
    ElementTree.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + ElementTree.tostring(root, encoding="unicode")
        + "\n"
    )


def as_ktap(check: SeriesCheck) -> str:
    """Return KTAP (Documentation/dev-tools/ktap.rst): a subtest for each patch, a line for each step."""
    lines = ["KTAP version 1", f"1..{len(check.patches)}"]
    for at, patch in enumerate(check.patches, 1):
        lines += [
            "  KTAP version 1",
            f"  # Subtest: {_flat(patch.subject)}",
            f"  1..{len(patch.steps)}",
        ]
        for index, step in enumerate(patch.steps, 1):
            lines += [f"  # {_flat(problem.text)}" for problem in step.new]
            lines += [f"  # {_flat(line)}" for line in use_lines(step)]
            skip = f" # SKIP {_flat(step.note)}" if step.state == SKIPPED else ""
            lines.append(f"  {_ok(step.state)} {index} {step.name}{skip}")
        lines.append(f"{_ok(patch.state)} {at} {_flat(patch.subject)}")
    return "\n".join(lines) + "\n"


def as_b4(patches: Sequence[PatchCheck]) -> list[dict[str, Any]]:
    """Return what b4 wants of a check command: an object with tool, status, summary and details for each step.

    Several patches, for the cover letter, are reported together, each step with its worst state.
    """
    names = list(dict.fromkeys(step.name for patch in patches for step in patch.steps))
    found = []
    for name in names:
        steps = [(patch, step) for patch in patches for step in patch.steps if step.name == name]
        state = worst([step.state for _, step in steps])
        told = [f"{patch.number}: {_details(step)}" if len(patches) > 1 else _details(step)
                for patch, step in steps if step.new or step.functions]  # fmt: skip
        one = {"tool": f"acceptlab {name}", "status": state, "summary": _summary(steps)}
        found.append(one | ({"details": "\n".join(told)} if told else {}))
    return found


def as_b4_lines(patches: Sequence[PatchCheck]) -> list[str]:
    """Return what b4 wants of a command in checkpatch's place: a line for each new problem, with `ERROR:` in what must not be."""
    return [
        f"{'ERROR' if problem.level == FAIL else 'WARNING'}: {step.name}: {' '.join(problem.text.split())}"
        for patch in patches
        for step in patch.steps
        for problem in step.new
    ]


def _summary(steps: Sequence[tuple[PatchCheck, Judged]]) -> str:
    if len(steps) == 1:
        return summary(steps[0][1])
    bad = [str(patch.number) for patch, step in steps if step.state in (FAIL, WARN)]
    return f"{len(steps)} patches, " + (
        f"problems with {', '.join(bad)}" if bad else "no new problem"
    )


def _details(step: Judged) -> str:
    lines = [f"{problem.level}: {problem.text}" for problem in step.new]
    return "\n".join([*lines, *use_lines(step), *([f"see {step.log}"] if step.log else [])])


def _ok(state: str) -> str:
    return "not ok" if state in (FAIL, WARN) else "ok"


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("#", "\\#")


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
