# SPDX-License-Identifier: GPL-2.0-only
"""One import: from a recorded file to a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.kernel.symbol_recorder import write_run
from acceptlab.analysis.readers import trace_dat
from acceptlab.analysis.readers.byte_source import Opened, Progress
from acceptlab.analysis.readers.conversion import Imported, import_events
from acceptlab.analysis.readers.detect import READERS, format_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.importing.import_record import Origin, run_json
from acceptlab.toolkit.importing.trace_cmd import FORMAT, import_trace_dat
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.processes import signals_interrupt
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.run.new_folder import claimed

FORMATS = (*READERS, FORMAT)


@dataclass(frozen=True)
class Request:
    """What a user wants imported; None is what the file has to tell itself."""

    file: Path
    platform: str | None = None
    format: str | None = None
    recorded_in: Path | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command that asks for it."""
        options = {
            "--platform": self.platform,
            "--format": self.format,
            "--run": self.recorded_in and str(self.recorded_in.resolve()),
        }
        words = [word for pair in options.items() if pair[1] for word in pair if word]
        return ("acceptlab", "import", str(self.file.resolve()), *words)


@dataclass(frozen=True)
class Finished:
    """A run folder, and what its run.json says."""

    folder: Path
    info: RunInfo


def perform(request: Request, folder: Path) -> Finished:
    """Import one file into ``folder``, new or empty; one that fails is left as it was found.

    A damaged file is no failure: run.json says where it ends. Raises BadInput or BadInputError for a
    file of which nothing can be read, and for a platform that neither file nor user names.
    """
    recorded_in = Run.open(request.recorded_in) if request.recorded_in else None
    with signals_interrupt(), claimed(folder), step(f"importing {request.file.name}") as shown:

        def progress(done: int, total: int) -> None:
            shown.update(done, total, f"{done >> 20:,} of {total >> 20:,} MiB")

        parquet = folder / "events.parquet"
        name, imported = _read(request, parquet, progress)
        platform = _platform(request, imported, recorded_in)
        origin = Origin(request.file, name, request.command)
        info = run_json(imported, platform, parquet, recorded_in, origin)
        write_run(folder, info, cache() / "symbols")
    return Finished(folder, info)


def _platform(request: Request, imported: Imported, recorded_in: Run | None) -> str:
    """The platform of the guest. Raises BadInputError for a file with nothing in it, and where user, run and trace contradict each other."""
    if imported.empty:
        raise BadInputError(f"{request.file}: nothing to import: {_why_nothing(imported)}")
    named = {
        "--platform": request.platform,
        f"--run {request.recorded_in}": recorded_in.info.platform if recorded_in else None,
    }
    for by, platform in named.items():
        if platform and imported.platform and platform != imported.platform:
            raise BadInputError(
                f"{request.file} was recorded in a guest of platform {imported.platform} ({imported.tells_platform}), but {by} says {platform}"
            )
    if recorded_in and request.platform not in (None, recorded_in.info.platform):
        raise BadInputError(
            f"--run {request.recorded_in} has platform {recorded_in.info.platform}, but --platform says {request.platform}"
        )
    found = request.platform or imported.platform or (recorded_in and recorded_in.info.platform)
    if not found:
        raise BadInputError(f"{request.file} does not show the guest's platform: give --platform")
    return found


def _why_nothing(imported: Imported) -> str:
    """The real reason: what the reader refused, where the file is damaged, or that none of its lines is of use."""
    if imported.refused:
        return imported.refused
    first = imported.notes.get("first_skipped")
    if first and imported.events.problem is None:
        return f"it has no known probe, tracepoint or event; the first line that is not an entry is {first}"
    if imported.events.problem:
        return imported.events.problem + (
            f"; the first line that is not an entry is {first}" if first else ""
        )
    return "it has no known probe, tracepoint or event (docs/importing.md)"


def _read(request: Request, parquet: Path, progress: Progress) -> tuple[str, Imported]:
    with Opened(request.file, progress) as source:
        if request.format == FORMAT or source.peek(len(trace_dat.MAGIC)) == trace_dat.MAGIC:
            return FORMAT, import_trace_dat(source, parquet)
        name = request.format or format_of(source)
        return name, import_events(source, READERS[name], parquet)
