# SPDX-License-Identifier: GPL-2.0-only
"""The moments at which a campaign lets the host act: kinds of moments, and a page for each, taken from a run without attacks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.kernel.caller_names import is_implausible
from acceptlab.analysis.kernel.symbols import symbols_of_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import NOT_KNOWN
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import STAGE_NAMES, Kind, Stage
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.platforms import PLATFORMS

_STAGES = (Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE)
"""Those of the first kernel, at whose beginning an act can be made."""


@dataclass(frozen=True)
class Accept:
    """One accept of the run without attacks: the first page of it, when, and by which function."""

    gpa: int
    stage: Stage
    caller: str
    clock: int = 0
    """In instructions."""
    size: int = 1


@dataclass(frozen=True)
class Moment:
    """One act of the host: `kind` is the row of the table, `attack` what `--attack` takes."""

    kind: str
    act: str
    attack: str


def accepts_of(folder: Path, symbols_cache: Path | None) -> list[Accept]:
    """Return every accept that succeeded in a run, in order. Raises BadInput for a folder that is not usable."""
    run = Run.open(folder)
    symbols = symbols_of_run(run, symbols_cache)
    found = []
    for batch in EventFile(folder / "events.parquet").batches():
        done = (batch["kind"] == Kind.ACCEPT) & (batch["result"] == 0)
        columns = [
            batch[name][done].tolist()
            for name in ("gpa", "stage", "caller", "caller_how", "rip", "clock", "size")
        ]
        for gpa, stage, caller, how, rip, clock, size in zip(*columns, strict=True):
            name = NOT_KNOWN
            if not (caller and is_implausible(how)):
                name = (symbols.name_of(caller or rip, stage) or NOT_KNOWN).split("+")[0]
            found.append(Accept(gpa, Stage(stage), name, clock, size))
    return found


def stages_of(folder: Path) -> dict[str, int]:
    """Return when each stage of a run began, in instructions, by the name that `--attack` takes."""
    found: dict[str, int] = {}
    for batch in EventFile(folder / "events.parquet").batches(("kind", "detail", "clock")):
        begins = batch["kind"] == Kind.STAGE
        for stage, clock in zip(
            batch["detail"][begins].tolist(), batch["clock"][begins].tolist(), strict=True
        ):
            found.setdefault(STAGE_NAMES[stage], clock)
    return found


def clock_of(moment: Moment, accepts: Sequence[Accept], stages: Mapping[str, int]) -> int:
    """Return when a moment comes in the run without attacks, in instructions; 0: it is not known, or never comes."""
    when, _, number = moment.attack.split(" ")
    if when != "accepted":
        return stages.get(when, 0)
    page = int(number, 0)
    first = (one.clock for one in accepts if one.gpa <= page < one.gpa + one.size)
    return next(first, 0)


def acts_on(platform: str, wanted: Sequence[str]) -> list[str]:
    """Return the wanted acts that the platform's host has, all of them for none wanted. Raises BadInputError for another word."""
    known = [*PLATFORMS[platform].attacks_on_pages, *PLATFORMS[platform].attacks_on_calls]
    for act in wanted:
        if act not in known:
            raise BadInputError(f"--act {act}: a {platform} host has {', '.join(known)}")
    return list(wanted) or known


def moments_of(
    accepts: Sequence[Accept], platform: str, acts: Sequence[str], sample: int | None, seed: int
) -> list[Moment]:
    """Return the moments of every act: each kind once with `sample` None, else `sample` pages for each act, drawn from all kinds.

    Kinds: after an accept, by stage and function; at the beginning of a stage, on a page accepted before, and on one accepted
    later. An act on calls is made once at the beginning of each stage. Raises BadInputError where there is no page to act on.
    """
    chance = random.Random(seed)
    kinds = _pages_by_kind(accepts)
    if not kinds and not set(acts) <= set(PLATFORMS[platform].attacks_on_calls):
        raise BadInputError(
            "the guest accepts nothing after its boot handoff, so that no page can be attacked: give it more --memory, or "
            "--firmware-accepts minimal"
        )
    found: list[Moment] = []
    for act in acts:
        if act in PLATFORMS[platform].attacks_on_calls:
            found += [
                Moment(f"at {_name(stage)}", act, f"{_name(stage)} {act} 1") for stage in _STAGES
            ]
            continue
        every = [
            Moment(kind, act, f"{when} {act} {chance.choice(pages):#x}")
            for kind, when, pages in kinds
        ]
        if sample is None:
            found += every
            continue
        for _ in range(sample):
            kind, when, pages = chance.choice(kinds)
            found.append(Moment(kind, act, f"{when} {act} {chance.choice(pages):#x}"))
    return found


def _name(stage: Stage) -> str:
    return STAGE_NAMES[stage]


def _pages_by_kind(accepts: Sequence[Accept]) -> list[tuple[str, str, list[int]]]:
    """Return kind, moment as `--attack` takes it, and the pages that it may be about; kinds without a page are left out."""
    by_function: dict[tuple[Stage, str], list[int]] = {}
    for one in accepts:
        by_function.setdefault((one.stage, one.caller), []).append(one.gpa)
    found = [
        (f"after accept in {_name(stage)} by {caller}", "accepted", pages)
        for (stage, caller), pages in by_function.items()
    ]
    return found + list(_at_stages(accepts))


def _at_stages(accepts: Sequence[Accept]) -> Iterator[tuple[str, str, list[int]]]:
    for stage in _STAGES:
        before = [one.gpa for one in accepts if one.stage < stage]
        later = [one.gpa for one in accepts if one.stage >= stage]
        if before:
            yield f"at {_name(stage)}, accepted before", _name(stage), before
        if later:
            yield f"at {_name(stage)}, accepted later", _name(stage), later
