# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab kernel build|fetch|list`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.output import AsJson, print_json, print_table
from acceptlab.toolkit.cli.series_options import SandboxOption
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import debian_kernels, store
from acceptlab.toolkit.kernels.kernel_config import TARGETS, Configuration
from acceptlab.toolkit.kernels.own_tree import build_tree, default_fragments, tree_at
from acceptlab.toolkit.progress import step

kernel_app = typer.Typer(no_args_is_help=True, help="Build, fetch and list kernels.")


@kernel_app.command(epilog="Example: acceptlab kernel build --tree ~/linux --name mine")
def build(
    tree: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Kernel source tree; it is only read. Default: the current one."
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FRAGMENT",
            help="Configuration fragment on top of the target; may be repeated. Default: options for SNP and TDX guests, and CONFIG_UNACCEPTED_MEMORY if the tree has it.",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            autocompletion=completers.one_of(TARGETS),
            help=f"Where to start: {', '.join(TARGETS)}.",
        ),
    ] = TARGETS[0],
    name: Annotated[
        str, typer.Option(help="Name of the kernel. Default: the name of the tree's folder.")
    ] = "",
    sandbox: SandboxOption = False,  # noqa: ARG001 (its callback acts)
    as_json: AsJson = False,
) -> None:
    """Build a kernel from a tree of yours, incrementally, and keep it under a name that `acceptlab run` takes.

    The tree is left alone: objects lie in the cache. Prints the kernel's name as the last line. Exit code 2 when the tree does
    not build or an option does not stick, with the reason and the log's place.
    """
    if target not in TARGETS:
        raise BadInputError(f"--target {target}: must be one of {', '.join(TARGETS)}")
    where = tree_at(Path.cwd()) if tree is None else tree.resolve()
    fragments = [path.resolve() for path in config] if config else default_fragments(where)
    kernel, compiled = build_tree(
        where, Configuration(target, tuple(fragments)), name or where.name
    )
    if as_json:
        print_json({**_shown(kernel), "compiled": compiled})
    else:
        typer.echo(kernel.image)
        typer.echo(kernel.name)


@kernel_app.command(epilog="Example: acceptlab kernel fetch debian:7.3/rt")
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=completers.suites,
            help="debian:VERSION (debian:7.3, debian:6.12.107) or debian:SUITE (debian:sid, debian:trixie-backports), "
            "optionally with a flavour: /cloud (else), /generic, /rt.",
        ),
    ] = "debian:6.12",
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Fetch again, in case the archive has a newer kernel of that name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a stock kernel of Debian into the cache, unless it is there, and print its path.

    It comes from this machine's own mirror, whichever release the machine runs, and is verified by Debian's keyring. Of a
    version that the archive no longer has the newest of its series is taken, and a line says so.
    """
    kernel = debian_kernels.ensure(name, again)
    if as_json:
        print_json(_shown(kernel))
    else:
        typer.echo(kernel.image)


@kernel_app.command("list", epilog="Example: acceptlab kernel list --available")
def list_kernels(
    available: Annotated[
        bool,
        typer.Option("--available", help="List the kernels that Debian's archive has."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the kernels in the cache, and the stock ones that can be fetched."""
    if available:
        _list_available(as_json)
        return
    cached = store.list_all()
    if as_json:
        print_json([_shown(kernel) for kernel in cached])
        return
    rows = [(kernel.name, kernel.version, str(kernel.image)) for kernel in cached]
    here = {kernel.name for kernel in cached}
    rows += [
        (name, "not fetched", stock.about)
        for name, stock in debian_kernels.STOCK.items()
        if name not in here
    ]
    rows.append(("debian:...", "not fetched", "others: see kernel list --available"))
    print_table(("name", "version", "image"), rows)


def _list_available(as_json: bool) -> None:
    with step("querying Debian's archive") as progress:
        found = debian_kernels.available(progress)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = [(one.name, one.version, ", ".join(one.flavours)) for one in found]
    print_table(("name", "newest package", "flavours"), rows)


def _shown(kernel: store.CachedKernel) -> dict[str, object]:
    return {**kernel.meta, "path": str(kernel.image)}
