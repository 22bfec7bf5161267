# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab demo`: the main job once through, on both platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.toolkit.cli.replay import judge_runs
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.runs.side_by_side import Wanted, run_all
from acceptlab.toolkit.series.bundled import reference


def demo(
    kernel: Annotated[str, typer.Option(help="The kernel to boot.")] = "debian:6.12",
    memory: Annotated[str, typer.Option(help="RAM of each guest.")] = "16G",
) -> None:
    """Boot a kernel as an SNP and as a TDX guest with lazy acceptance, judge and compare both; the last line is the report's path.

    Where the reference series is built (`acceptlab series build`), its kernel is booted too, and compared.
    """
    emulator_build.ensure()
    home = fresh("demo")
    folders, answers = [], []
    for name in (kernel, *_reference()):
        wanted = _both(name, memory, home)
        answers += run_all(wanted)
        folders += [one.folder for one in wanted]
    code = heaviest((judge_runs(folders), *(int(answer["exit_code"]) for answer in answers)))
    from acceptlab.analysis.report import render, write

    symbols = cache() / "symbols"
    typer.echo()
    typer.echo(render(folders, "text", symbols_cache=symbols))
    page = home / "report.html"
    write(render(folders, "html", symbols_cache=symbols), page)
    typer.echo(page)
    raise typer.Exit(code)


def _reference() -> list[str]:
    """Return the reference series' kernel, when it is built."""
    name = reference()
    return [name] if name and store.find(name) else []


def _both(kernel: str, memory: str, home: Path) -> list[Wanted]:
    """Return the runs of a kernel on both platforms, each in a folder named after its platform, and its series if any."""
    image = resolve(kernel)
    words = [kernel, "--memory", memory, "--accept", "lazy", "--workload", "touch:64M"]
    suffix = f"-{kernel}" if kernel == reference() else ""
    return [
        Wanted(
            f"{kernel} ({image.version}) as {PLATFORMS[platform].title} guest, {memory}, lazy",
            [*words, "--platform", platform],
            home / f"{platform}{suffix}",
        )
        for platform in CONFIDENTIAL
    ]
