# SPDX-License-Identifier: GPL-2.0-only
"""Judging a run: replay its events, ask every invariant, and write verdict.json."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import write_text
from acceptlab.analysis.invariants import REGISTRY, Context, Invariant
from acceptlab.analysis.invariants.attack_log import AttackLog, not_done
from acceptlab.analysis.invariants.death import LastRefusal, causes
from acceptlab.analysis.invariants.evidence import Evidence, silent_probes
from acceptlab.analysis.invariants.firmware_acts import (
    NOT_YOURS,
    firmware_acts,
    kernels_own,
    lines_of,
)
from acceptlab.analysis.invariants.guest_findings import (
    guest_findings,
    tests_without_result,
    workloads_not_run,
)
from acceptlab.analysis.invariants.invariant import OTHER_RIP, OTHER_STAGE, Suspicion
from acceptlab.analysis.invariants.recorded import Seen, is_recorded, not_seen
from acceptlab.analysis.invariants.verdict import GUEST, Finding, InvariantResult, Status, Verdict
from acceptlab.analysis.kernel.caller_names import is_implausible, is_sure
from acceptlab.analysis.kernel.kernel_facts import ACCEPT_MEMORY, UNACCEPTED_MEMORY
from acceptlab.analysis.kernel.symbols import NO_SYMBOLS, RunSymbols, symbols_of_run
from acceptlab.analysis.kernel.versions import first_version, version_of
from acceptlab.analysis.pages.history import look_up
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.pages.walk import Progress, Walk
from acceptlab.analysis.run.console import Console, read_console
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import NOT_KNOWN, RunInfo
from acceptlab.analysis.run.trouble import ENDS_A_GUEST
from acceptlab.analysis.trace.coverage import in_words
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import STAGE_NAMES, Stage
from acceptlab.analysis.trace.value_sets import table_of

_KERNEL_STAGES = table_of(
    Stage.KERNEL,
    Stage.USERSPACE,
    Stage.SECOND_KERNEL,
    Stage.SECOND_USERSPACE,
)

_ENDED_BY_US = ("timeout", "killed")
"""Outcomes of runs whose emulator was ended from outside."""
_TOLD = 3
"""Attacks that a headline names."""
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


def replay_run(
    path: Path | str,
    *,
    symbols_cache: Path | None = None,
    write: bool = True,
    progress: Progress | None = None,
) -> Verdict:
    """Judge the run folder ``path``; with ``write``, leave the answer in RUN/verdict.json, where that may be written.

    ``symbols_cache`` is a folder for symbol tables by kernel checksum. ``progress`` is called
    with (events done, events in all). Raises BadInput, in one line, for an unusable folder.
    """
    run = Run.open(path)
    with ThreadPoolExecutor(1) as pool:
        checksum = pool.submit(run.verify_events)
        try:
            verdict = judge(
                run, symbols=lambda: symbols_of_run(run, symbols_cache), progress=progress
            )
        except Exception:
            checksum.result()  # that the file is damaged says more than what came of it
            raise
        checksum.result()
    return _stored(run, verdict) if write else verdict


def _stored(run: Run, verdict: Verdict) -> Verdict:
    """Write RUN/verdict.json; a folder that may only be read has its verdict all the same."""
    text = json.dumps(verdict.to_json(), indent=2, sort_keys=True, ensure_ascii=False)
    try:
        write_text(run.verdict_path, text + "\n")
    except BadInput as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _READ_ONLY:
            return replace(verdict, not_stored=str(error))
        raise
    return verdict


def judge(
    run: Run,
    *,
    registry: Mapping[str, type[Invariant]] = REGISTRY,
    symbols: Callable[[], RunSymbols] = lambda: NO_SYMBOLS,
    progress: Progress | None = None,
) -> Verdict:
    """The verdict on a run by the invariants of ``registry``; writes nothing.

    ``symbols`` is asked for only when there is a finding to name.
    """
    events = EventFile(run.events_path)
    console = read_console(run.console_path, _kernel_log(run))
    walk = Walk(run, events)
    attacks = AttackLog()
    context = Context(run, console, walk.holes, attacks)
    invariants = [kind(context) for kind in registry.values()]
    tally = _Tally(run.info)
    for step in walk.steps(progress):
        tally.watch(step)
        attacks.watch(step.batch)
        context.waits.watch(step)
        for invariant in invariants:
            invariant.watch(step)
    for invariant in invariants:
        invariant.settle()
    _add_histories(invariants, events)
    results = [invariant.finish() for invariant in invariants]
    findings = _findings(invariants, symbols)
    doubts = [f"{one.name}: {doubt}" for one in invariants for doubt in one.doubts]
    return _verdict(context, walk, tally, results, findings, doubts, symbols)


def _kernel_log(run: Run) -> list[str]:
    """The kernel's last messages in the emulator's report, of a guest that did not reach its end."""
    lines = (run.info.report or {}).get("printk", [])
    if run.info.outcome == "userspace" or not isinstance(lines, list):
        return []
    return [str(line) for line in lines]


class _Tally:
    """What the verdict needs besides the invariants: what a recorder saw, and whether the kernel knows unaccepted memory."""

    def __init__(self, info: RunInfo) -> None:
        self.kernel_accepts = 0
        self.accepted = False
        self.evidence = Evidence(info.handoff.unaccepted)
        self.refusal = LastRefusal()
        self.seen = Seen() if is_recorded(info) else None

    def watch(self, step: Step) -> None:
        batch, ops = step.batch, step.ops
        if self.seen is not None:
            self.seen.watch(step)
        self.evidence.watch(batch)
        self.refusal.watch(batch, ops)
        if not self.accepted:
            self.accepted = bool((ops == Op.ACCEPT).any())
        if self.kernel_accepts == 0:
            accepts = batch["stage"][ops == Op.ACCEPT]
            self.kernel_accepts += int(_KERNEL_STAGES.take(accepts).sum())


def _add_histories(invariants: list[Invariant], events: EventFile) -> None:
    """One more pass over the events, for the pages that somebody suspects: all that are kept when events are missing, else those listed."""
    listed = [
        one
        for invariant in invariants
        for suspects in invariant.kinds.values()
        for one in (suspects.kept if invariant.context.holes else suspects.listed)
    ]
    found = look_up(
        events,
        {one.gpa for one in listed if one.gpa is not None},
        {seq for one in listed for seq in one.events[:1]},
    )
    for one in listed:
        if one.gpa is not None:
            one.history = found.pages[one.gpa]
        if one.vcpu is not None and one.events[0] in found.callers:
            one.rip, one.caller, one.caller_how = found.callers[one.events[0]]


def _findings(invariants: list[Invariant], symbols: Callable[[], RunSymbols]) -> list[Finding]:
    if not any(suspects.listed for one in invariants for suspects in one.kinds.values()):
        return []
    table = symbols()
    findings: list[Finding] = []
    for invariant in invariants:
        for suspects in invariant.kinds.values():
            for one in suspects.listed:
                evidence = {**_evidence(one, table), "rule": invariant.rule}
                findings.append(
                    Finding(invariant.name, one.title, one.explanation, evidence, suspects.total)
                )
    return findings


def _evidence(one: Suspicion, symbols: RunSymbols) -> dict[str, Any]:
    """What is known about a suspicion; addresses as hex text, absent things left out."""
    evidence: dict[str, Any] = {"events": one.events}
    if one.gpa is not None:
        evidence |= {"gpa": f"{one.gpa:#x}", "size": one.size}
    for name in ("rip", "caller"):
        address = getattr(one, name)
        before = "" if name == "rip" else "caller_"
        if address and not (before and is_implausible(one.caller_how)):
            evidence[name] = f"{address:#x}"
            if before and not is_sure(one.caller_how):
                evidence["caller_best_effort"] = True
            if symbol := symbols.name_of(address, one.stage):
                evidence[f"{before}symbol"] = symbol
            # A return address is behind the call: the line of the call is that of the byte before.
            if source := symbols.source_of(address - len(before[:1]), one.stage):
                evidence[f"{before}source"] = source
    for name in ("vcpu", "clock"):
        if getattr(one, name) is not None:
            evidence[name] = getattr(one, name)
    if one.stage is not None:
        evidence["stage"] = STAGE_NAMES[one.stage]
    evidence |= one.more
    stage = evidence.pop(OTHER_STAGE, None)
    if address := evidence.pop(OTHER_RIP, 0):
        evidence[OTHER_RIP] = f"{address:#x}"
        if symbol := symbols.name_of(address, STAGE_NAMES.index(stage) if stage else one.stage):
            evidence["other_symbol"] = symbol
    if one.history:
        evidence["history"] = [_shown(event) for event in one.history]
    return evidence


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    hexed = {name: f"{event[name]:#x}" for name in ("gpa", "rip", "result", "detail")}
    return {**event, **hexed}


def _verdict(
    context: Context,
    walk: Walk,
    tally: _Tally,
    results: list[InvariantResult],
    findings: list[Finding],
    doubts: list[str],
    symbols: Callable[[], RunSymbols],
) -> Verdict:
    run, console, attacks = context.run, context.console, context.attacks
    attacks.note_console(console)
    answered = attacks.answered(run.info)
    reasons = _reasons(run, walk, answered) + not_done(run.info, attacks)
    reasons += silent_probes(run.info, tally.evidence) + doubts
    unsupported = _unsupported(run, console, tally, symbols)
    said = guest_findings(run.info, console, walk.states)
    if answered:
        said = [one for one in said if one.title not in ENDS_A_GUEST]
    if unsupported is not None:
        reasons.insert(0, unsupported)
        reasons += [f"{one.title}: {one.explanation}" for one in said]
    else:
        findings = findings + said
    acts = firmware_acts(run)
    findings, misled = kernels_own(findings, acts)
    reasons = [*misled, *_before_kernel(run.info), *reasons]
    reasons += workloads_not_run(console) + tests_without_result(run.info, console)
    unseen = not_seen(run.info, results) if tally.seen else _undecidable(results)
    reasons += [unseen] if unseen else []
    verdict = "findings" if findings else "undecided" if reasons else "clean"
    seen = tally.seen.sentence(run.info) if tally.seen else ""
    return Verdict(
        verdict=verdict,
        headline=_headline(
            verdict,
            run,
            unsupported,
            findings,
            _headline_first(seen, reasons, unseen),
            tally.accepted,
        )
        + _not_decided(verdict, run, results)
        + "".join(f" {line}" for line in attacks.lines(run.info)[:_TOLD] if answered),
        host=attacks.lines(run.info),
        firmware=lines_of(acts, run.info),
        tests=console.tests,
        cause=causes(run.info, console.last_words, tally.refusal) + _waits(context),
        seen=seen,
        not_seen=unseen if seen else "",
        findings=findings,
        invariants=results,
        reasons=reasons,
        events=walk.events.events,
        events_sha256=run.info.events.sha256,
    )


def _headline_first(seen: str, reasons: list[str], unseen: str) -> list[str]:
    """The reasons with what heads an undecided verdict first: of a recorded trace what it shows, and what makes even that doubtful."""
    if not seen:
        return reasons
    doubtful = [one for one in reasons if one != unseen]
    return [" ".join([f"{seen}.", *doubtful[:1]]), *reasons]


def _before_kernel(info: RunInfo) -> list[str]:
    """Why a run says nothing of the kernel: firmware ended first."""
    if info.firmware is None or info.firmware.kernel_took_over is not False:
        return []
    return [f"{NOT_YOURS}: it ended before a kernel took over."]


def _waits(context: Context) -> list[str]:
    """Lines about vCPUs that wait without end, of a guest that did not reach its own."""
    return [] if context.info.outcome == "userspace" else context.waits.endless()


def _reasons(run: Run, walk: Walk, answered: bool) -> list[str]:
    """Why this run cannot be called clean, whatever the invariants say."""
    reasons = [f"The trace is not complete: {problem}." for problem in walk.problems]
    if not run.info.events.complete and not walk.problems:
        problem = run.info.events.problem or "run.json says so"
        reasons.append(f"The trace is not complete: {problem}.")
    if run.info.events.count != walk.events.events:
        reasons.append(
            f"run.json counts {run.info.events.count} events, the file has {walk.events.events}."
        )
    if run.info.outcome == NOT_KNOWN:
        if not is_recorded(run.info):
            reasons.append("How the guest ended is not known.")
    elif run.info.outcome != "userspace" and not answered:
        because = f": {run.info.reason}" if run.info.reason else ""
        told = f"The guest did not run to completion ({run.info.outcome}{because})."
        # An emulator that is ended leaves a trace without an end: that is no news.
        reasons.insert(0 if run.info.outcome in _ENDED_BY_US else len(reasons), told)
    return reasons


def _undecidable(results: list[InvariantResult]) -> str:
    """What the trace cannot show, and which invariants cannot be decided for that; empty: it shows all."""
    concerned = [one for one in results if one.lacking and one.status == Status.NOT_DECIDABLE]
    if not concerned:
        return ""
    names = ", ".join(one.name for one in concerned)
    lacking = sorted({name for one in concerned for name in one.lacking})
    return f"Not decidable: {names}. The trace cannot show {in_words(lacking)}."


def _unsupported(
    run: Run, console: Console, tally: _Tally, symbols: Callable[[], RunSymbols]
) -> str | None:
    """In plain words, if this kernel cannot be such a guest or does not know unaccepted memory."""
    info = run.info
    if info.kernel_support.platform is False and not tally.evidence.is_guest:
        platform = platform_of(info.platform)
        words = f"This kernel is not built to be {platform.article} {platform.title} guest"
    elif info.kernel_support.unaccepted_memory is False or (
        _accepts_nothing(run, console, tally) and _lacks_support(run, symbols())
    ):
        words = "This kernel does not support unaccepted memory"
    else:
        return None
    left = sum(size for _, size in info.handoff.unaccepted)
    if left and not tally.kernel_accepts:
        words += f": it accepted none of the {left >> 20} MiB that firmware left unaccepted"
    if console.meminfo:
        total = console.meminfo[0].total >> 20
        words += f"; it uses {total} MiB of {info.machine.memory >> 20} MiB"
    if info.outcome not in ("userspace", NOT_KNOWN):
        words += f"; it did not reach userspace ({info.outcome})"
    return words + "."


def _accepts_nothing(run: Run, console: Console, tally: _Tally) -> bool:
    """Whether a kernel with a table of unaccepted memory shows no sign of support for it."""
    told = run.info.handoff.unaccepted and run.info.handoff.bitmap is not None
    listed = any(one.unaccepted is not None for one in console.meminfo)
    return bool(told) and not tally.kernel_accepts and not listed


def _lacks_support(run: Run, symbols: RunSymbols) -> bool:
    """Whether a kernel that accepted nothing could not have: by its symbols, or its version."""
    if len(symbols.first):
        return ACCEPT_MEMORY not in symbols.first
    version = version_of(run.info.kernel.version)
    if version is not None:
        return version < first_version(UNACCEPTED_MEMORY)
    return run.info.outcome == "userspace"


def _headline(
    verdict: str,
    run: Run,
    unsupported: str | None,
    findings: list[Finding],
    reasons: list[str],
    accepted: bool,
) -> str:
    if unsupported is not None:
        return unsupported
    if verdict == "findings":
        first = findings[0]
        if first.invariant == GUEST:
            return f"Guest failure: {first.title}. {first.explanation}"
        broken = sorted({one.invariant for one in findings} - {GUEST})
        who = first.evidence.get("symbol") or first.evidence.get("rip")
        where = f" in {who}" if who else ""
        return f"{', '.join(broken)} broken: {first.title}{where}."
    if verdict == "undecided":
        return reasons[0]
    if not accepted:
        return f"Nothing was accepted, and no access was refused ({run.info.machine.policy})."
    every = f"very page was accepted once, in order, before its first access ({run.info.machine.policy})."
    if run.info.outcome != "userspace":
        return f"Until the host attacked and the guest ended ({run.info.outcome}), e{every}"
    return f"E{every}"


def _not_decided(verdict: str, run: Run, results: list[InvariantResult]) -> str:
    """What a clean verdict does not cover, and the options of `run` that would decide it."""
    names = [one.name for one in results if one.status == Status.NOT_DECIDABLE]
    if verdict != "clean" or not names:
        return ""
    options = [REGISTRY[name].decided_by for name in names if name in REGISTRY]
    watched = {probe.name for probe in run.info.probes}
    options = [one for one in options if one and one.split()[-1] not in watched]
    if run.info.source != "emulator":
        options = []
    decide = "decides it" if len(options) == 1 else "decide them"
    told = f"; {' '.join(options)} {decide}" if options else ""
    if missing := run.info.default_probes.missing:
        told = f": {'; '.join(dict.fromkeys(missing.values()))}"
    return f" Not decided: {', '.join(names)}{told}."


__all__ = ["judge", "replay_run"]
