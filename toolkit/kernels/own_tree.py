# SPDX-License-Identifier: GPL-2.0-only
"""A user's own tree, built as it stands into a kernel of the cache; edit, build, run."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.kernels.kbuild import is_kernel_tree
from acceptlab.toolkit.kernels.kernel_build import build
from acceptlab.toolkit.kernels.kernel_config import Configuration
from acceptlab.toolkit.places import CHECKOUT, cache
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.whole_files import locked

_FRAGMENTS = CHECKOUT / "data" / "config"
GUEST_CONFIG = _FRAGMENTS / "guest.config"
"""What guests of both platforms need."""
UNACCEPTED_CONFIG = _FRAGMENTS / "guest-6.12.config"
"""The same on top, for trees that know unaccepted memory themselves."""
HAVE_UNACCEPTED = ("mm/Kconfig", "drivers/firmware/efi/Kconfig")
"""Where CONFIG_UNACCEPTED_MEMORY is declared, in one version of Linux or another."""
_UNACCEPTED = re.compile(r"^config UNACCEPTED_MEMORY$", re.MULTILINE)


def default_fragments(tree: Path) -> tuple[Path, ...]:
    """Return the fragments that a tree is built with when none is named: by whether it has CONFIG_UNACCEPTED_MEMORY."""
    files = (tree / name for name in HAVE_UNACCEPTED)
    return fragments_by(file.read_text(errors="replace") for file in files if file.is_file())


def fragments_by(texts: Iterable[str]) -> tuple[Path, ...]:
    """Return the default fragments by the texts of those of HAVE_UNACCEPTED that a tree has."""
    has_it = any(_UNACCEPTED.search(text) for text in texts)
    return (GUEST_CONFIG, UNACCEPTED_CONFIG) if has_it else (GUEST_CONFIG,)


def tree_at(folder: Path) -> Path:
    """Return the top folder of the kernel tree that a folder is in. Raises BadInputError when it is in none.

    Most folders of a kernel have a Kconfig and a Makefile; only its top folder has init/, too.
    """
    for one in (folder, *folder.parents):
        if is_kernel_tree(one) and (one / "init").is_dir():
            return one.resolve()
    raise BadInputError(f"{folder} is not in a kernel source tree: go to one, or give --tree DIR")


def build_tree(tree: Path, config: Configuration, name: str) -> tuple[store.CachedKernel, int]:
    """Build a tree with a configuration into the kernel `name`; return it, and the number of compiled objects.

    Raises BadInputError when it does not build, MachineError when a tool is missing.
    """
    store.check_name(name)
    there = store.find(name)
    if there and "tree_path" not in there.meta:
        raise BadInputError(
            f"the kernel name {name!r} is taken by another source: give another --name"
        )
    words = f"{tree}\n{config.digest()}"
    objects = cache() / "objects" / hashlib.sha256(words.encode()).hexdigest()[:16]
    waiting = f"another acceptlab is building {tree}; waiting for it"
    with locked(objects.with_suffix(".lock"), lambda: say(waiting)):
        built = build(tree, objects, config, name, warnings=False)
        meta = {"tree_path": str(tree), "commit": _commit(tree), "reproduce": built.reproduce}
        return store.install(name, built, meta), built.compiled


def _commit(tree: Path) -> str:
    """Return the tree's commit, as described by git, whoever owns the tree; "" if it is not a git tree."""
    reading = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    done = subprocess.run(
        ["git", *reading, "-C", tree, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()
