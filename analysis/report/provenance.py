# SPDX-License-Identifier: GPL-2.0-only
"""The line of provenance of a report on runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from acceptlab.analysis.report.facts import Subject
from acceptlab.analysis.report.provenance_line import NOT_TIMES, Provenance, provenance_line
from acceptlab.analysis.run.platform import PLATFORMS
from acceptlab.analysis.run.run_info import RunInfo


def of_runs(subjects: Sequence[Subject]) -> Provenance:
    """Version, platforms, hosts, kernels, verdicts and the command, of all runs of a report."""
    infos = [one.run.info for one in subjects]
    modelled = any(one.modelled is not None for one in subjects)
    line = provenance_line(
        platforms=[platform_words(info) for info in infos],
        hosts=[str(info.host) for info in infos],
        figures=_figures(infos, modelled),
        kernels=[kernel_words(info) for info in infos],
        verdicts=[one.verdict.verdict for one in subjects],
    )
    if len(subjects) == 1:
        return Provenance(line, infos[0].reproduce)
    folders = " ".join(shlex.quote(one.name) for one in subjects)
    how = "To reproduce, after each run's own command, which is with the run:"
    return Provenance(line, f"acceptlab report {folders}", how)


def kernel_words(info: RunInfo) -> str:
    """A kernel's name, version and commit; where no commit is known, the beginning of its image's SHA-256."""
    kernel = info.kernel
    commit = str((info.series or {}).get("commit", ""))
    which = (
        f"commit {commit[:12]}"
        if commit
        else f"sha256 {kernel.sha256[:12]}"
        if kernel.sha256
        else ""
    )
    words = dict.fromkeys(word for word in (kernel.name, kernel.version, which) if word)
    return " ".join(words) or "not known"


def platform_words(info: RunInfo) -> str:
    name = PLATFORMS[info.platform].title
    if info.source != "emulator":
        return f"{name} guest, recorded by {info.source}"
    version = info.emulator.get("version")
    return f"emulated {name} guest" + (f" (QEMU {version})" if version else "")


def _figures(infos: Sequence[RunInfo], modelled: bool) -> str:
    measured = any(info.clock == "ns" for info in infos)
    words = [NOT_TIMES]
    words += ["but for a clock of ns, as the recorder had it"] if measured else []
    return ", ".join([*words, "and modelled times, labelled so"] if modelled else words)
