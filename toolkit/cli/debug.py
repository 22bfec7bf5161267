# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab debug`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acceptlab.toolkit.cli.completers import one_of
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.sizes import parse_address
from acceptlab.toolkit.whole_folders import made_beside, scratch

if TYPE_CHECKING:
    from acceptlab.toolkit.debug.halted import Halted
    from acceptlab.toolkit.debug.moment import Halt
    from acceptlab.toolkit.debug.repeatable_run import Recorded

LAST = ("accept", "convert", "store")


def debug(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    at: Annotated[
        str,
        typer.Option(
            metavar="MOMENT",
            help="Where to halt: an event's number, as `replay --page` shows it; a finding (I2, I2#3), at its last event; a function "
            "of the kernel, at its first call; or icount:N, after N instructions.",
        ),
    ] = "",
    page: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Guest address of the page to show; with --last, to look for."
        ),
    ] = "",
    last: Annotated[
        str,
        typer.Option(
            metavar="|".join(LAST),
            help="Halt at the last accept or conversion of --page, or the last store to its bit of the table, before --at or the end of "
            "the run.",
            autocompletion=one_of(LAST),
        ),
    ] = "",
    gdb: Annotated[
        bool,
        typer.Option(
            "--gdb",
            help="Leave the guest stopped behind the moment for gdb: started here on a terminal, else its command line is printed.",
        ),
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Save the guest in this new folder, at the first possible moment after the one of --at, for `run --from-saved`.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Boot a recorded run again, halt it at one moment, and show registers, stack, lock, page and bitmap.

    The emulator counts instructions: the same run comes to the same moment with the same registers, each time. A run that is not
    repeatable, or whose kernel or emulator has changed since, is refused.

    Exit code: 0 halted there; 2 wrong usage, or no such moment; 3 this machine can't, or the boot was another one; 5 a fault of
    acceptlab.
    """
    if last and (last not in LAST or not page):
        raise BadInputError(f"--last {last}: takes {' or '.join(LAST)}, and --page ADDRESS")
    if not at and not last:
        raise BadInputError("say where to halt: --at MOMENT, or --page ADDRESS --last accept")
    if save and (gdb or as_json or save.exists()):
        raise BadInputError(f"--save {save}: takes a new folder, and neither --gdb nor --json")
    if gdb and as_json:
        raise BadInputError("--json: for a dump; drop it, or --gdb")
    from acceptlab.analysis.explain.halted_locks import peeked_variables
    from acceptlab.analysis.kernel.symbols import symbols_of_run  # loads numpy and pyarrow
    from acceptlab.analysis.run.run_folder import Run
    from acceptlab.toolkit.debug import halted as boots
    from acceptlab.toolkit.debug.moment import halt_at, halt_at_last
    from acceptlab.toolkit.debug.repeatable_run import recorded

    opened = Run.open(run)
    opened.verify_events()
    again = recorded(opened)
    symbols = symbols_of_run(opened, cache() / "symbols")
    halt = halt_at(opened, symbols, at) if at else None
    address = parse_address(page) if page else None
    if last and address is not None:
        halt = halt_at_last(opened, symbols, address, last, halt.event if halt else None)
    assert halt is not None
    if save:
        _save(again, halt, save.resolve())
        return
    with scratch("acceptlab-debug-") as folder:
        if gdb:
            boots.pause(again, halt, folder, lambda found, socket: _gdb(again, halt, found, socket))
            return
        found = boots.dump(again, halt, folder, peeked_variables(symbols.first))
        _show(again, halt, found, address, as_json)


def _save(again: Recorded, halt: Halt, folder: Path) -> None:
    from acceptlab.toolkit.debug import saving
    from acceptlab.toolkit.debug.moment import clock_of

    clock = clock_of(again.run, halt)
    with made_beside(folder) as new, scratch("acceptlab-debug-") as boot:
        [saved] = saving.save(again, [clock], boot, new)
        for part in list(saved.folder.iterdir()):
            part.rename(new / part.name)
        saved.folder.rmdir()
    typer.echo(f"Saved {saved.clock - clock:,} instructions after {halt.title}: {folder}")


def _show(again: Recorded, halt: Halt, found: Halted, page: int | None, as_json: bool) -> None:
    from acceptlab.analysis.explain.halted_guest import halted_object, halted_text
    from acceptlab.analysis.explain.life import Life, life_of
    from acceptlab.analysis.kernel.symbols import symbols_of_run

    symbols = symbols_of_run(again.run, cache() / "symbols")
    life: Life | None = None
    about = page if page is not None else halt.page
    if about is not None:
        life = life_of(again.run, about, symbols)
    text = halted_object(
        again.run,
        halt.title,
        found.report,
        found.folder / "bitmap",
        symbols,
        life,
        found.events - 1,
    )
    if as_json:
        print_json(text)
    else:
        typer.echo(halted_text(text))


def _gdb(again: Recorded, halt: Halt, found: Halted, socket: Path) -> bool:
    from acceptlab.toolkit.debug import gdb

    words = gdb.command(again.run.info, found, socket)
    typer.echo(f"Halted behind {halt.title}.")
    if sys.stdin.isatty() and sys.stdout.isatty() and gdb.is_there():
        gdb.run(words)
        return True
    typer.echo(f"Ctrl-C ends the guest; gdb's command line:\n{shlex.join(words)}")
    sys.stdout.flush()
    return False
