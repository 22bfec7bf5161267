# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab kernel fetch|list`."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.commands.output import AsJson, print_json, print_table
from toolkit.kernels import debian, store

kernel_app = typer.Typer(
    no_args_is_help=True, help="Kernels to run: fetch stock ones, list those at hand."
)


@kernel_app.command(epilog="Example: acceptlab kernel fetch debian:6.12")
def fetch(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(debian.STOCK)}.")] = "debian:6.12",
    as_json: AsJson = False,
) -> None:
    """Fetch a stock kernel of Debian into the cache, unless it is there, and print its path."""
    kernel = debian.ensure(name)
    if as_json:
        print_json(_shown(kernel))
    else:
        typer.echo(kernel.image)


@kernel_app.command("list", epilog="Example: acceptlab kernel list --json")
def list_kernels(as_json: AsJson = False) -> None:
    """List the kernels in the cache, and the stock ones that can be fetched."""
    cached = store.list_all()
    if as_json:
        print_json([_shown(kernel) for kernel in cached])
        return
    rows = [(kernel.name, kernel.version, str(kernel.image)) for kernel in cached]
    here = {kernel.name for kernel in cached}
    rows += [
        (name, "not fetched", stock.about)
        for name, stock in debian.STOCK.items()
        if name not in here
    ]
    print_table(("name", "version", "image"), rows)


def _shown(kernel: store.CachedKernel) -> dict[str, object]:
    return {**kernel.meta, "path": str(kernel.image)}
