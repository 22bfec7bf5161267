# SPDX-License-Identifier: GPL-2.0-only
"""The `acceptlab` command: its subcommands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import typer

from acceptlab import toolkit
from acceptlab.analysis.errors import BadInput
from acceptlab.toolkit.cli.batch import fleet
from acceptlab.toolkit.cli.collect import collect
from acceptlab.toolkit.cli.demo import demo
from acceptlab.toolkit.cli.doctor import doctor
from acceptlab.toolkit.cli.estimate import project
from acceptlab.toolkit.cli.export import export
from acceptlab.toolkit.cli.import_ import import_
from acceptlab.toolkit.cli.kernel import kernel_app
from acceptlab.toolkit.cli.matrix import matrix
from acceptlab.toolkit.cli.metadata import tracking
from acceptlab.toolkit.cli.replay import replay
from acceptlab.toolkit.cli.report import report
from acceptlab.toolkit.cli.run import run
from acceptlab.toolkit.cli.series import series_app
from acceptlab.toolkit.cli.setup import setup
from acceptlab.toolkit.cli.streams import unbroken_pipes
from acceptlab.toolkit.errors import (
    EXIT_BAD_INPUT,
    EXIT_FAULT,
    EXIT_MACHINE,
    AcceptlabError,
    InterruptedByUserError,
)
from acceptlab.toolkit.faults import line_of

app = typer.Typer(
    name="acceptlab",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Boot a kernel as a confidential guest (SEV-SNP, TDX) in an emulator, record every acceptance of memory, judge it.",
)


_NO_MEMORY = "this machine is out of memory: close something, or give the guest less"


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"acceptlab {toolkit.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Hold what applies to every command."""


app.command(epilog="Example: acceptlab doctor")(doctor)
app.command(epilog="Example: acceptlab setup --qemu-source ~/qemu_7.2+dfsg.orig.tar.xz")(setup)
app.command(epilog="Example: acceptlab demo --memory 64G")(demo)
app.add_typer(kernel_app, name="kernel")
app.add_typer(series_app, name="series")
app.command(
    epilog="Example: acceptlab run debian:6.12 --platform tdx --memory 16G --cpus 4 --accept lazy --replay"
)(run)
app.command("import", epilog="Example: acceptlab import trace.dat.xz --platform snp --replay")(
    import_
)
app.command(epilog="Example: acceptlab export RUN --format perfetto --out boot.pftrace")(export)
app.command(
    epilog="Example: acceptlab collect --out by-ebpf -- debian:6.12 --platform tdx --memory 4G"
)(collect)
app.command(epilog="Example: acceptlab replay ~/.cache/acceptlab/runs/* --json")(replay)
app.command(epilog="Example: acceptlab fleet ~/.cache/acceptlab/runs --jobs 2 --out runs.parquet")(
    fleet
)
app.command(epilog="Example: acceptlab report RUN1 RUN2 --format html --out comparison.html")(
    report
)
app.command(
    epilog="Example: acceptlab project RUN1 RUN2 --memory 12T --cpus 512 --profile tdx-shutemov-2024"
)(project)
app.command(epilog="Example: acceptlab tracking RUN1 RUN2")(tracking)
app.command(epilog="Example: acceptlab matrix data/sweeps/discussion.toml --out comparison")(matrix)


def _fail(message: str, code: int) -> NoReturn:
    """End the program with one line on stderr."""
    sys.stderr.write("acceptlab: " + " ".join(message.split()) + "\n")
    sys.stderr.flush()
    sys.exit(code)


def _machine_limit(error: OSError) -> str | None:
    """Return what to tell the user when the operating system is out of something, else None."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"the disk is full{where}: make room, or choose another folder (--out, XDG_CACHE_HOME)"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"not allowed to write or read there{where}: choose a folder that is yours"
    if error.errno == errno.ENOMEM:
        return _NO_MEMORY
    return None


def main() -> None:
    """Run the command line; every error ends in one line and its exit code (analysis/exit_codes.py)."""
    with unbroken_pipes():
        _run()


def _run() -> None:
    try:
        app(prog_name="acceptlab")
    except AcceptlabError as error:
        _fail(str(error), error.exit_code)
    except BadInput as error:
        limit = _machine_limit(error.__cause__) if isinstance(error.__cause__, OSError) else None
        _fail(limit or str(error), EXIT_MACHINE if limit else EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        _fail("interrupted", InterruptedByUserError.exit_code)
    except SystemExit as ended:
        # Typer turns a Ctrl-C that nobody handled into this, without a word.
        if ended.code == InterruptedByUserError.exit_code:
            _fail("interrupted", InterruptedByUserError.exit_code)
        raise
    except MemoryError:
        _fail(_NO_MEMORY, EXIT_MACHINE)
    except Exception as error:
        limit = _machine_limit(error) if isinstance(error, OSError) else None
        _fail(limit or line_of(error), EXIT_MACHINE if limit else EXIT_FAULT)
