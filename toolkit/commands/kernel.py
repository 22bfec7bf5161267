# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab kernel build|fetch|list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.commands.output import AsJson, print_json, print_table
from toolkit.errors import BadInputError
from toolkit.kernels import debian, store
from toolkit.kernels.config import TARGETS, Configuration
from toolkit.kernels.own_tree import build_tree
from toolkit.places import CHECKOUT

kernel_app = typer.Typer(
    no_args_is_help=True, help="Kernels to run: build them, fetch stock ones, list those at hand."
)
GUEST_CONFIG = CHECKOUT / "patches" / "config" / "guest.config"


@kernel_app.command(epilog="Example: acceptlab kernel build --tree ~/linux --name mine")
def build(
    tree: Annotated[
        Path, typer.Option(metavar="DIR", help="A kernel's source tree; nothing is written there.")
    ],
    config: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FRAGMENT",
            help="Options on top of the target; may be repeated. By itself what guests of both platforms need.",
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(metavar="TARGET", help=f"Where to start: {', '.join(TARGETS)}.")
    ] = TARGETS[0],
    name: Annotated[
        str, typer.Option(help="What to call the kernel; by itself as the tree's folder.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Build a kernel from a tree of yours, incrementally, and keep it under a name that `acceptlab run` takes.

    The tree is left alone: objects lie in the cache. Prints the kernel's name as the last line. Exit code 2 when the tree does
    not build or an option does not stick, with the reason and the log's place.
    """
    if target not in TARGETS:
        raise BadInputError(f"--target {target}: one of {', '.join(TARGETS)}")
    fragments = [path.resolve() for path in config] if config else [GUEST_CONFIG]
    kernel, compiled = build_tree(
        tree.resolve(), Configuration(target, tuple(fragments)), name or tree.resolve().name
    )
    if as_json:
        print_json({**_shown(kernel), "compiled": compiled})
    else:
        typer.echo(kernel.image)
        typer.echo(kernel.name)


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
