# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab setup`: everything that takes long, done once and cached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.kernels import debian_kernels
from acceptlab.toolkit.kernels.debian_kernels import demonstrated
from acceptlab.toolkit.qemu import bases, emulator_build


def setup(
    qemu: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            envvar=bases.VARIABLE,
            help=f"The version of QEMU to build on: {' or '.join(bases.known())}. Other commands take it from {bases.VARIABLE}.",
        ),
    ] = bases.default().version,
    qemu_source: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="QEMU source tarball, with Debian's part beside it. Default: apt fetches both.",
        ),
    ] = None,
    kernel: Annotated[
        str,
        typer.Option(
            autocompletion=completers.suites,
            help="The stock kernel to fetch; by default debian:newest and debian:6.12.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Build the emulator and fetch the default kernel; what is there already is kept."""
    emulator = emulator_build.ensure(qemu_source, bases.named(qemu))
    names = [kernel] if kernel else demonstrated()
    images = [debian_kernels.ensure(name) for name in names]
    if as_json:
        print_json(
            {
                "emulator": {"path": str(emulator.binary), **emulator.build},
                "kernel": images[0].meta,
                "kernels": [one.meta for one in images],
            }
        )
    else:
        typer.echo(f"emulator  {emulator.binary}")
        for image in images:
            typer.echo(f"kernel    {image.image} ({image.version})")
