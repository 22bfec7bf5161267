# SPDX-License-Identifier: GPL-2.0-only
"""Check patches of a series: each built, read by checkpatch and sparse, booted, and held against the kernel before it."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.series import series_build
from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.checks import accept_early, checkpatch, execution, sparse
from acceptlab.toolkit.series.checks.boots import boot_all, trials
from acceptlab.toolkit.series.checks.problems import (
    FAIL,
    WARN,
    PatchCheck,
    Problem,
    SeriesCheck,
    Step,
    judge,
)
from acceptlab.toolkit.series.message import files_of
from acceptlab.toolkit.series.series_spec import Rules
from acceptlab.toolkit.series.touched import Touched, touched
from acceptlab.toolkit.series.work_tree import go_to, objects_of, work_tree
from acceptlab.toolkit.whole_files import sha256_of, write_whole

BUILD = "build"
_SPARSE_BEFORE = "sparse before"


@dataclass(frozen=True)
class Plan:
    """What to check: the patches by number, where to boot them and how, and what series.toml says of the check."""

    patches: Sequence[int]
    platforms: Sequence[str]
    options: RunOptions
    rules: Rules


def perform(applied: Applied, plan: Plan, emulator: Emulator, room: Room) -> SeriesCheck:
    """Do what is not known yet and return the whole; a patch is judged against the one before it, 0 being the base.

    What was found is kept, keyed by what it was found in: after a change, or an interruption, only the rest is done.
    """
    allow = [re.compile(text) for text in plan.rules.console_allow]
    steps = _all_static(applied, plan)
    built = [number for number in sorted(steps) if not _broke(steps[number][BUILD])]
    names = {number: series_build.kernel_name(applied, number) for number in built}
    title = f"booting {applied.series.name}"
    used = {number: _functions(applied, number, name) for number, name in names.items()}
    counts = {names[number]: execution.countable(*used[number]) for number in built}
    wanted = trials(plan.platforms, plan.options, plan.rules.boots)
    boots = boot_all(counts, wanted, allow, emulator, _home(applied), room, title)
    for number, name in names.items():
        mine = {one.step: boots[name, one.step] for one in wanted}
        folders = {one: Path(step.log) for one, step in mine.items() if step.log}
        steps[number] |= mine | {execution.NAME: execution.step_of(*used[number], folders)}
    return SeriesCheck(
        applied.series.name,
        applied.series.spec.title,
        applied.base.about,
        len(applied.series.patches),
        tuple(
            _judged(applied, number, steps, [one.step for one in wanted]) for number in plan.patches
        ),
    )


def _functions(
    applied: Applied, number: int, kernel: str
) -> tuple[Sequence[Touched], execution.Functions | None]:
    """Return what a patch touches, nothing for the base, and the functions of its kernel."""
    if number == 0:
        return (), None
    before, after = applied.commits[number - 1].sha, applied.commits[number].sha
    return touched(applied.base.repository, before, after), execution.functions_of(kernel)


def _all_static(applied: Applied, plan: Plan) -> dict[int, dict[str, Step]]:
    """Do all that needs no boot: for the patches in question, and for what each is held against."""
    steps: dict[int, dict[str, Step]] = {}
    for patch in sorted(plan.patches):
        before = patch - 1
        while before not in steps:
            steps[before] = {BUILD: _built(applied, before)}
            # What does not build is nothing to hold a patch against: go on to the one before.
            before -= 1 if _broke(steps[before][BUILD]) and before > 0 else 0
        steps[patch] = _static(applied, plan, patch)
    return steps


def _home(applied: Applied) -> Path:
    return cache() / "checks" / applied.series.name


def _broke(step: Step) -> bool:
    return any(problem.level == FAIL for problem in step.problems)


def _static(applied: Applied, plan: Plan, number: int) -> dict[str, Step]:
    """Build one patch's kernel, and have checkpatch and sparse read it.

    sparse looks at the state before the patch first: the objects of that state are then still at hand.
    """
    patch = applied.series.patches[number - 1]
    touched = files_of(patch.patch)
    steps = {_SPARSE_BEFORE: _sparse(applied, number - 1, touched), BUILD: _built(applied, number)}
    if not _broke(steps[BUILD]):
        steps[sparse.NAME] = _sparse(applied, number, touched)
        steps |= _annotated(applied, number)
    with work_tree(applied.base) as tree:
        go_to(tree, applied.commits[number].sha)
        steps[checkpatch.NAME] = _checkpatch(tree, patch.raw, plan.rules.checkpatch_ignore)
    return steps


def _built(applied: Applied, number: int) -> Step:
    try:
        kernel = series_build.ensure(applied, number)
    except BadInputError as error:
        return Step(BUILD, (Problem(FAIL, str(error), "does not build"),))
    problems = [
        Problem(WARN, str(warning), f"{warning.file} {warning.text}") for warning in kernel.warnings
    ]
    return Step(
        BUILD, tuple(problems), f"{len(kernel.warnings)} warnings in all", str(kernel.kernel.image)
    )


def _annotated(applied: Applied, number: int) -> dict[str, Step]:
    """Return the step on what #VC and #VE need, for kernels that say what that is."""
    kernel = series_build.find(applied, number)
    done = accept_early.check(kernel.vmlinux) if kernel and kernel.vmlinux else None
    return {accept_early.NAME: done} if done else {}


def _checkpatch(tree: Path, raw: bytes, ignore: Sequence[str]) -> Step:
    script = tree / checkpatch.SCRIPT

    def run() -> Step:
        with tempfile.NamedTemporaryFile(prefix="acceptlab-", suffix=".patch") as file:
            file.write(raw)
            file.flush()
            return checkpatch.checkpatch(tree, Path(file.name), ignore)

    version = sha256_of(script) if script.is_file() else ""
    return _remembered(("checkpatch", version, hashlib.sha256(raw).hexdigest(), *ignore), run)


def _sparse(applied: Applied, number: int, touched: Sequence[str]) -> Step:
    """Run sparse at one commit: its kernel's objects have to be those in the folder, so it is built there once more."""
    config = applied.config
    objects = objects_of(applied.base, config.digest())

    def run() -> Step:
        title = f"sparse: {series_build.kernel_name(applied, number)}"
        with work_tree(applied.base) as tree, step(title):
            go_to(tree, applied.commits[number].sha)
            return sparse.sparse(tree, objects, touched)

    how = " ".join(sparse.FLAGS)
    return _remembered(("sparse", how, series_build.key_of(applied, number), *touched), run)


def _remembered(key: Sequence[str], run: Callable[[], Step]) -> Step:
    """Return a step that was done before with the same key, else do it."""
    name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:24]
    path = cache() / "checks" / "steps" / f"{name}.json"
    try:
        data = json.loads(path.read_text())
        return Step(**(data | {"problems": tuple(Problem(**one) for one in data["problems"])}))
    except (OSError, ValueError, TypeError, KeyError):
        done = run()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(done)) + "\n")
    return done


def _judged(
    applied: Applied, number: int, steps: dict[int, dict[str, Step]], boots: Sequence[str]
) -> PatchCheck:
    mine = steps[number]
    earlier = [n for n in steps if n < number and not _broke(steps[n][BUILD])]
    before = steps[max(earlier)] if earlier else {}
    references: dict[str, Step | None] = {
        checkpatch.NAME: None,
        sparse.NAME: mine.get(_SPARSE_BEFORE),
    }
    order = (BUILD, checkpatch.NAME, sparse.NAME, accept_early.NAME, *boots, execution.NAME)
    judged = tuple(
        judge(mine[name], references.get(name, before.get(name))) for name in order if name in mine
    )
    commit = applied.commits[number]
    return PatchCheck(number, commit.subject, commit.sha, judged)
