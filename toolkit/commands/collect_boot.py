# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab collect --boot`."""

from __future__ import annotations

import shutil
import tempfile
from enum import StrEnum
from pathlib import Path

import typer

from toolkit.collect import boot
from toolkit.commands.output import print_json
from toolkit.errors import BadInputError
from toolkit.files import write_whole
from toolkit.run.folder import fresh

_TEXT = "trace.txt"


class Boot(StrEnum):
    """What to do about tracing from boot on."""

    CMDLINE = "cmdline"
    BOOTCONFIG = "bootconfig"
    READ = "read"


def collect_boot(
    what: Boot, platform: str | None, initrd: Path | None, out: Path | None, as_json: bool
) -> None:
    """Print a configuration, write it behind an initrd, or make a run folder of what the kernel recorded."""
    if initrd is not None and what != Boot.BOOTCONFIG:
        raise BadInputError("--initrd goes with --boot bootconfig")
    if what == Boot.CMDLINE:
        typer.echo(boot.command_line(platform))
    elif what == Boot.READ:
        _read(platform, out, as_json)
    elif initrd is None:
        typer.echo(boot.bootconfig(platform), nl=False)
    else:
        _write_initrd(initrd, platform, out)


def _write_initrd(initrd: Path, platform: str | None, out: Path | None) -> None:
    if out is None:
        raise BadInputError("--initrd: say by --out which file to write")
    try:
        content = initrd.read_bytes()
    except OSError as error:
        raise BadInputError(f"--initrd {initrd}: {error.strerror}") from error
    write_whole(out, boot.with_bootconfig(content, boot.bootconfig(platform)))
    typer.echo(f"{out}: boot it with the word bootconfig on the kernel's command line")


def _read(platform: str | None, out: Path | None, as_json: bool) -> None:
    from analysis.run_folder import write_run_json  # loads pyarrow, as the next two do
    from toolkit.importing.describe import recorded_here
    from toolkit.importing.perform import Request, perform

    text = boot.read_trace()
    folder = out or fresh("boot")
    with tempfile.TemporaryDirectory(prefix="acceptlab-trace-") as scratch:
        file = Path(scratch) / _TEXT
        file.write_text(text)
        finished = perform(Request(file, platform, "ftrace"), folder)
        write_run_json(folder, recorded_here(finished.info))
        shutil.copyfile(file, folder / _TEXT)
    events = finished.info.events
    if as_json:
        print_json(
            {
                "run": str(folder),
                "events": events.count,
                "complete": events.complete,
                "problem": events.problem,
            }
        )
        return
    problem = f"; not complete: {events.problem}" if events.problem else ""
    typer.echo(f"{events.count:,} events{problem}")
    typer.echo(folder)
