# SPDX-License-Identifier: GPL-2.0-only
"""Build a kernel from a tree: configured from fragments, incrementally, beside the tree."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import kbuild, kconfig, sandbox
from acceptlab.toolkit.kernels.configured import is_configured, note_configured
from acceptlab.toolkit.kernels.diagnostics import STEP, Diagnostic, by_target, from_json, to_json
from acceptlab.toolkit.kernels.kernel_config import (
    Configuration,
    fragment_text,
    line,
    not_stuck,
    options_of,
)
from acceptlab.toolkit.progress import Step, step
from acceptlab.toolkit.whole_files import write_whole

_RECORD = "acceptlab.json"


@dataclass(frozen=True)
class Built:
    """A finished build. `said` holds the messages of all objects, not only of the `compiled` ones that were made now."""

    tree: Path
    objects: Path
    config: Configuration
    release: str
    said: tuple[Diagnostic, ...]
    compiled: int
    seconds: float
    warnings: bool = True
    """Whether it was built with W=1."""

    @property
    def image(self) -> Path:
        """Return the bzImage."""
        return self.objects / kbuild.IMAGE

    @property
    def reproduce(self) -> str:
        """Return the shell line that makes this build again, in the same folder or an empty one."""
        variables = " ".join(f"{name}={shlex.quote(v)}" for name, v in kbuild.REPRODUCIBLE.items())
        make = shlex.join(kbuild.make_words(self.tree, self.objects, self.warnings))
        fragments = shlex.join(["cat", "/dev/null", *map(str, self.config.fragments)])
        return (
            f"export {variables}; {make} {self.config.target} && {fragments} >>{shlex.quote(str(self.objects / '.config'))} && "
            f"{make} olddefconfig && {make} -j{kbuild.jobs()} bzImage"
        )


@dataclass
class _Record:
    """What is known of the objects in a folder: how many a whole build makes, and what was said of each."""

    total: int | None = None
    said: dict[str, list[Diagnostic]] = field(default_factory=dict)


def build(
    tree: Path, objects: Path, config: Configuration, title: str, warnings: bool = True
) -> Built:
    """Configure and build `tree` into `objects`, which may hold an earlier build; return what came of it.

    With `warnings` it is built with W=1; all builds in one folder have to agree about that, else everything is made again.

    Raises BadInputError when the tree does not build or an option does not stick, with the log's place; MachineError when a
    tool is missing.
    """
    _check_tree(tree)
    kbuild.check_tools()
    objects.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with step(f"building {title}") as progress:
        if not is_configured(tree, objects, config):
            configure(tree, objects, config, progress, warnings)
        said, compiled = _make(tree, objects, title, progress, warnings)
        note_configured(tree, objects, config)
    release = (objects / "include/config/kernel.release").read_text().strip()
    return Built(
        tree, objects, config, release, tuple(said), compiled, time.monotonic() - started, warnings
    )  # fmt: skip


def configure(
    tree: Path, objects: Path, config: Configuration, progress: Step, warnings: bool
) -> None:
    """Write objects/.config; an unchanged one keeps its time, so nothing is rebuilt for it.

    Raises BadInputError naming every option that did not stick, with Kconfig's reason.
    """
    wanted = config.wanted()
    progress.update(note=f"{config.target} and {len(wanted)} options")
    file = objects / ".config"
    before, made = (file.read_bytes(), file.stat().st_mtime_ns) if file.is_file() else (b"", 0)
    kbuild.make_quietly(tree, objects, config.target, warnings)
    with file.open("a") as options:
        options.write(fragment_text(wanted))
    kbuild.make_quietly(tree, objects, "olddefconfig", warnings)
    after = file.read_bytes()
    if after == before:
        os.utime(file, ns=(made, made))
    stuck = options_of(after.decode(errors="replace"))
    lost = not_stuck(wanted, stuck)
    if lost:
        told = [_why(tree, name, wanted[name], stuck) for name in lost]
        raise BadInputError(f"{len(lost)} option(s) did not take effect: {'; '.join(told)}")


def _why(tree: Path, name: str, wanted: str, stuck: Mapping[str, str]) -> str:
    why = kconfig.reason(name, wanted, tree, {"SRCARCH": "x86"}, stuck)
    came_out = f"{line(name, wanted).strip()} became {stuck.get(name, 'n')}"
    return f"{came_out}: {why}" if why else came_out


def _make(
    tree: Path, objects: Path, title: str, progress: Step, warnings: bool
) -> tuple[list[Diagnostic], int]:
    """Run the build; return the messages of all objects, and how many were made."""
    log = objects / "build.log"
    record = _read_record(objects)
    command = [
        *kbuild.make_words(tree, objects, warnings),
        f"-j{kbuild.jobs()}",
        "-Otarget",
        "bzImage",
    ]
    lines: list[str] = []
    count = 0
    with (
        log.open("w") as output,
        subprocess.Popen(
            sandbox.words(command, [tree], [objects]), env=kbuild.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=kbuild.gently,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        try:
            for text in process.stdout:
                output.write(text)
                lines.append(text)
                found = STEP.match(text)
                if found and found["target"].endswith(".o"):
                    count += 1
                    progress.update(count, record.total, f"{count} objects · {found['target']}")
        except BaseException:
            process.terminate()
            raise
    now = _Record(max(count, record.total or 0), _merged(record.said, lines, tree, objects))
    _write_record(objects, now)
    if process.returncode != 0:
        raise kbuild.failure(f"building {title}", lines, tree, log)
    return [one for each in now.said.values() for one in each if not one.is_error], count


def _merged(
    before: Mapping[str, list[Diagnostic]], lines: Sequence[str], tree: Path, objects: Path
) -> dict[str, list[Diagnostic]]:
    """Return what was said of each object: of those made now what was said now, of the others what was said then."""
    made = {found["target"] for text in lines if (found := STEP.match(text))}
    merged = {
        name: list(said)
        for name, said in before.items()
        if name not in made and (objects / name).exists()
    }
    for name, said in by_target(lines, str(tree)):
        merged.setdefault(name, []).append(said)
    return merged


def _read_record(objects: Path) -> _Record:
    try:
        data = json.loads((objects / _RECORD).read_text())
        said = {name: from_json(each) for name, each in data["said"].items()}
        return _Record(data["total"], said)
    except (OSError, ValueError, KeyError, TypeError):
        return _Record()


def _write_record(objects: Path, record: _Record) -> None:
    said = {name: to_json(each) for name, each in record.said.items()}
    write_whole(objects / _RECORD, json.dumps({"total": record.total, "said": said}) + "\n")


def _check_tree(tree: Path) -> None:
    if not tree.is_dir():
        raise BadInputError(f"no folder {tree}; give a kernel source tree")
    if not kbuild.is_kernel_tree(tree):
        raise BadInputError(f"{tree} is not a kernel source tree: it has no Kconfig and Makefile")
