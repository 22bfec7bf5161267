# SPDX-License-Identifier: GPL-2.0-only
"""Build a series, or the first patches of it, into kernels of the cache that have a name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.kernels import kbuild, store
from acceptlab.toolkit.kernels.diagnostics import Diagnostic, new_ones
from acceptlab.toolkit.kernels.kernel_build import Built, build
from acceptlab.toolkit.series import accept_helpers
from acceptlab.toolkit.series.accept_helpers import Found
from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.work_tree import check_space, go_to, objects_of, work_tree

_NOTHING = Found()


@dataclass(frozen=True)
class SeriesKernel:
    """The kernel with the first `patches` patches of a series. `compiled` objects were made now, none when it was at hand."""

    patches: int
    kernel: store.CachedKernel
    compiled: int
    seconds: float
    found: Found = _NOTHING

    @property
    def vmlinux(self) -> Path | None:
        """Return the kernel as ELF file, None if the build left none."""
        path = self.kernel.image.with_name("vmlinux")
        return path if path.is_file() else None

    @property
    def warnings(self) -> list[Diagnostic]:
        """Return every warning of the whole build."""
        return store.warnings_of(self.kernel)


def kernel_name(applied: Applied, patches: int) -> str:
    """Return the kernel's name: the series', with `@n` after the first n patches, `@base` before all of them."""
    if patches == len(applied.commits) - 1:
        return applied.series.name
    return f"{applied.series.name}@{patches or 'base'}"


def key_of(applied: Applied, patches: int) -> str:
    """Return the cache key of a kernel: tree, configuration, toolchain."""
    words = (applied.commits[patches].tree, applied.config.digest(), kbuild.toolchain())
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def find(applied: Applied, patches: int) -> SeriesKernel | None:
    """Return the kernel when the cache has it, made of just this."""
    kernel = store.find(kernel_name(applied, patches))
    if kernel is None or kernel.meta.get("key") != key_of(applied, patches):
        return None
    found = own_functions(applied, patches, kernel.image.parent)
    kernel = store.with_functions(kernel, _listed(applied, found))
    return SeriesKernel(patches, kernel, 0, 0.0, found)


def ensure(applied: Applied, patches: int) -> SeriesKernel:
    """Return the kernel with the first `patches` patches, built if need be.

    Raises BadInputError when it does not build or an option does not stick, MachineError when a tool is missing.
    """
    found = find(applied, patches)
    if found:
        return found
    name, commit = kernel_name(applied, patches), applied.commits[patches]
    config = applied.config
    check_space(applied.base, config.digest())
    with work_tree(applied.base) as tree:
        go_to(tree, commit.sha)
        built = build(tree, objects_of(applied.base, config.digest()), config, name)
        own = own_functions(applied, patches, built.objects)
        kernel = store.install(name, built, _meta(applied, patches, built, own))
    return SeriesKernel(patches, kernel, built.compiled, built.seconds, own)


def own_functions(applied: Applied, patches: int, folder: Path) -> Found:
    """Return functions and locks that the patches add to the path that accepts memory; `folder` has vmlinux and System.map."""
    before, after = applied.commits[0].sha, applied.commits[patches].sha
    added = accept_helpers.added_functions(applied.base.repository, before, after)
    return accept_helpers.find_in(folder, added)


def _listed(applied: Applied, found: Found) -> dict[str, Any]:
    """Return the functions and locks of the series' own: those of series.toml, and those found by their calls."""
    named = applied.series.spec.functions.to_json()
    skip = list(dict.fromkeys((*named.get("skip", ()), *found.skip)))
    requests = {name: list(parameters) for name, parameters in found.requests.items()}
    more = {"skip": skip, "locks": list(found.locks), "requests": requests}
    return named | {kind: names for kind, names in more.items() if names}


def _meta(applied: Applied, patches: int, built: Built, found: Found) -> dict[str, object]:
    commit = applied.commits[patches]
    checkout = f"git -C {built.tree} checkout --force --detach {commit.sha}"
    return {
        "key": key_of(applied, patches),
        "series": applied.series.name,
        "base": applied.base.about,
        "patches": patches,
        "subject": commit.subject,
        "commit": commit.sha,
        "tree": commit.tree,
        **_listed(applied, found),
        "reproduce": f"{checkout} && {built.reproduce}",
    }


def split(
    kernel: SeriesKernel, before: SeriesKernel | None
) -> tuple[list[Diagnostic], list[Diagnostic]] | None:
    """Return a kernel's warnings as (new, old) against another; None when there is no other to compare with."""
    if before is None:
        return None
    found = kernel.warnings
    fresh = new_ones(found, before.warnings)
    return fresh, _without(found, fresh)


def _without(found: Sequence[Diagnostic], fresh: Sequence[Diagnostic]) -> list[Diagnostic]:
    left = list(found)
    for one in fresh:
        left.remove(one)
    return left
