# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series build`."""

from __future__ import annotations

from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.series_options import (
    BaseVersionOption,
    RangeOption,
    SandboxOption,
    SeriesArgument,
    SpecOption,
    TreeOption,
    VersionOption,
    applied,
    patch_number,
    series_of,
)
from acceptlab.toolkit.errors import EXIT_FINDINGS, BadInputError
from acceptlab.toolkit.kernels.diagnostics import Diagnostic, to_json
from acceptlab.toolkit.series import series_build as building
from acceptlab.toolkit.series.accept_helpers import Found
from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.checks import accept_early
from acceptlab.toolkit.series.series_build import SeriesKernel

_SHOWN = 20
"""New warnings that are printed; --json has them all."""


def build(
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    base_version: BaseVersionOption = "",
    patch: Annotated[
        str, typer.Option(metavar="N|base", help="Build with the first N patches applied.")
    ] = "",
    every: Annotated[bool, typer.Option("--every", help="Build the base and every patch.")] = False,
    sandbox: SandboxOption = False,  # noqa: ARG001 (its callback acts)
    as_json: AsJson = False,
) -> None:
    """Build the kernel of a series; it can be run by the series' name, `NAME@3` after three patches, `NAME@base`.

    The configuration is the spec's target and fragments; an option that does not stick is an error, with Kconfig's reason.
    Warnings are shown as new or old if the previous kernel (or the base) was built too. Builds are cached: the same
    tree, configuration and toolchain are not built again. A kernel that annotates what it cannot handle #VC and #VE without is
    checked for that; exit code 1 says that something is missing.
    """
    if patch and every:
        raise BadInputError("give --patch or --every, not both")
    done = applied(series_of(series, spec, tree, commits, base_version, use_version))
    last = len(done.commits) - 1
    wanted = list(range(last + 1)) if every else [patch_number(patch, last) if patch else last]
    shown = []
    unsafe = False
    for patches in wanted:
        kernel = building.ensure(done, patches)
        split = building.split(kernel, reference(done, patches))
        missing = _missing(kernel)
        unsafe = unsafe or bool(missing)
        if as_json:
            shown.append(_json(kernel, split) | {"accept_early": missing})
        else:
            _print(kernel, split, missing)
    if as_json:
        print_json(shown)
    if unsafe:
        raise typer.Exit(EXIT_FINDINGS)


def reference(done: Applied, patches: int) -> SeriesKernel | None:
    """Return the kernel whose warnings count as old: after the patch before, else the base; None when neither is built."""
    if patches == 0:
        return None
    return building.find(done, patches - 1) or building.find(done, 0)


def _missing(kernel: SeriesKernel) -> list[str]:
    """Return what the kernel cannot handle #VC and #VE without, and may not have accepted."""
    step = accept_early.check(kernel.vmlinux) if kernel.vmlinux else None
    return [problem.text for problem in step.problems] if step else []


def _print(
    kernel: SeriesKernel,
    split: tuple[list[Diagnostic], list[Diagnostic]] | None,
    missing: list[str],
) -> None:
    how = f"{kernel.compiled} objects in {kernel.seconds:.0f} s" if kernel.compiled else "at hand"
    typer.echo(f"{kernel.kernel.name}: {how}, {_summary(kernel, split)}")
    fresh = split[0] if split else []
    for warning in fresh[:_SHOWN]:
        typer.echo(f"  new: {warning}")
    if len(fresh) > _SHOWN:
        typer.echo(f"  and {len(fresh) - _SHOWN} more new warnings: see --json")
    for text in _own(kernel.found):
        typer.echo(f"  {text}")
    for text in missing:
        typer.echo(f"  needs early acceptance: {text}")
    typer.echo(kernel.kernel.image)


def _own(found: Found) -> list[str]:
    """Return a line for each kind of function or lock that the patches add to the path that accepts memory."""
    skip = ", ".join(f"{name}()" for name in found.skip)
    lines = []
    if skip:
        lines.append(f"only carry out accepts (their callers are the cause): {skip}")
    if found.locks:
        lines.append(f"locks of the accept path, probed in each run: {', '.join(found.locks)}")
    if found.requests:
        names = ", ".join(f"{name}({', '.join(two)})" for name, two in found.requests.items())
        lines.append(f"requests as accept_memory() has them, probed in each run: {names}")
    if found.replacement and found.replacement not in found.requests:
        lines.append(
            f"no accept_memory(): {found.replacement}() takes its place, its parameters are not (start, size) or (start, end), "
            "and I5 (guard unit) is not decided"
        )
    return lines


def _summary(kernel: SeriesKernel, split: tuple[list[Diagnostic], list[Diagnostic]] | None) -> str:
    if split is None:
        return f"{len(kernel.warnings)} warnings (no earlier build to compare with)"
    return f"{len(split[0])} new warnings, {len(split[1])} old ones"


def _json(
    kernel: SeriesKernel, split: tuple[list[Diagnostic], list[Diagnostic]] | None
) -> dict[str, object]:
    return {
        **kernel.kernel.meta,
        "path": str(kernel.kernel.image),
        "compiled": kernel.compiled,
        "warnings_new": to_json(split[0]) if split else None,
        "warnings_old": to_json(split[1]) if split else to_json(kernel.warnings),
    }
