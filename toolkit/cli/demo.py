# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab demo`: the main job once through, on both platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.judged_runs import judge_runs
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.kernels.debian_kernels import demonstrated
from acceptlab.toolkit.kernels.kernel_names import PREFIX
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.host_policies import DEFAULT_HOST
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.runs.side_by_side import Wanted, run_all
from acceptlab.toolkit.series.bundled import reference

_HOSTS = (DEFAULT_HOST, "kvm")
"""Hosts that the first kernel is booted on."""


def demo(
    kernel: Annotated[
        str,
        typer.Option(
            autocompletion=completers.kernels,
            help="The kernel to boot; by default debian:newest, with debian:6.12 beside it.",
        ),
    ] = "",
    memory: Annotated[str, typer.Option(help="RAM of each guest.")] = "16G",
) -> None:
    """Boot a kernel as an SNP and as a TDX guest with lazy acceptance, judge and compare them; the last line is the report's path.

    Debian's newest kernel runs on a host that maps 2M, and on one that maps 4K as KVM does; its long-term kernel runs beside it. Where the reference series is built (`acceptlab series build`), its kernel is booted too, and compared.
    """
    emulator_build.ensure()
    home = fresh("demo")
    folders, answers = [], []
    kernels = [kernel] if kernel else demonstrated()
    first, *others = (*kernels, *_reference())
    batches = [
        [one for host in _HOSTS for one in _both(first, memory, host, home)],
        *(_both(name, memory, DEFAULT_HOST, home, name) for name in others),
    ]
    for wanted in batches:
        answers += run_all(wanted)
        folders += [one.folder for one in wanted]
    code = heaviest((judge_runs(folders), *(int(answer["exit_code"]) for answer in answers)))
    from acceptlab.analysis.report import document, write
    from acceptlab.analysis.report.facts import subject_of

    subjects = [subject_of(folder, cache() / "symbols", None) for folder in folders]
    typer.echo()
    typer.echo(document(subjects, "text"))
    page = home / "report.html"
    write(document(subjects, "html"), page)
    typer.echo(page)
    raise typer.Exit(code)


def _reference() -> list[str]:
    """Return the reference series' kernel, when it is built."""
    name = reference()
    return [name] if name and store.find(name) else []


def _both(kernel: str, memory: str, host: str, home: Path, called: str = "") -> list[Wanted]:
    """Return the runs of a kernel on all platforms, each in a folder of its platform's name, the host's, and what else it is called."""
    image = resolve(kernel)
    words = [
        kernel,
        "--memory",
        memory,
        "--accept",
        "lazy",
        "--workload",
        "touch:64M",
        "--host",
        host,
    ]
    suffix = f"-{called.removeprefix(PREFIX)}" if called else ""
    suffix += "" if host == DEFAULT_HOST else f"-{host}"
    return [
        Wanted(
            f"{kernel} ({image.version}) as {one.title} guest, {memory}, lazy, host {host}",
            [*words, "--platform", one.name],
            home / f"{one.name}{suffix}",
        )
        for one in (PLATFORMS[name] for name in CONFIDENTIAL)
    ]
