# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab collect --boot`."""

from __future__ import annotations

import shutil
import tempfile
from enum import StrEnum
from pathlib import Path

import typer

from acceptlab.toolkit.cli.output import print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import running_kernel
from acceptlab.toolkit.run import boot_tracing
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.whole_files import write_whole

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
        raise BadInputError("--initrd requires --boot bootconfig")
    if what == Boot.CMDLINE:
        typer.echo(boot_tracing.command_line(platform))
    elif what == Boot.READ:
        _read(platform, out, as_json)
    elif initrd is None:
        typer.echo(boot_tracing.bootconfig(platform), nl=False)
    else:
        _write_initrd(initrd, platform, out)


def _write_initrd(initrd: Path, platform: str | None, out: Path | None) -> None:
    if out is None:
        raise BadInputError("--initrd requires --out FILE")
    try:
        content = initrd.read_bytes()
    except OSError as error:
        raise BadInputError(f"--initrd {initrd}: {error.strerror}") from error
    write_whole(out, boot_tracing.with_bootconfig(content, boot_tracing.bootconfig(platform)))
    typer.echo(f"{out}: boot it with bootconfig on the kernel command line")


def _read(platform: str | None, out: Path | None, as_json: bool) -> None:
    from acceptlab.analysis.kernel.symbol_recorder import record_names  # loads pyarrow
    from acceptlab.analysis.run.run_folder import Run, write_run_json
    from acceptlab.toolkit.importing.import_record import recorded_here
    from acceptlab.toolkit.importing.trace_import import Request, perform

    text = boot_tracing.read_trace()
    folder = out or fresh("boot")
    with tempfile.TemporaryDirectory(prefix="acceptlab-trace-") as scratch:
        file = Path(scratch) / _TEXT
        file.write_text(text)
        finished = perform(Request(file, platform, "ftrace"), folder)
        info = recorded_here(finished.info)
        record_names(Run(folder, info), running_kernel.symbols().name_of)
        write_run_json(folder, info)
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
