# SPDX-License-Identifier: GPL-2.0-only
"""What acceptlab puts on top of QEMU's tree: added files, and patches to files that QEMU has.

The tree is brought up to date file by file, and only files whose content differs are written, so that a build after an edit
of one file compiles that file alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.qemu.qemu_source import apply_patch
from acceptlab.toolkit.whole_files import write_whole

_DEVICES = "configs/devices/x86_64-softmmu/acceptlab.mak"
_ADDED = Path("target/i386/acceptlab")
_PATCHED_FILE = re.compile(r"^(?:---|\+\+\+) [ab]/(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Hook:
    """One patch of the hook series, as it was when the overlay was read."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Overlay:
    """Added files (path in QEMU's tree -> content) and the hook series, in order.

    It holds contents, not paths: a file that is edited during a build must not end up under the digest of another.
    """

    added: dict[Path, bytes]
    hooks: tuple[Hook, ...]

    def digest(self) -> str:
        """Return a SHA-256 over names and contents of everything."""
        total = hashlib.sha256()
        for path, content in sorted(self.added.items()):
            total.update(f"file {path} {len(content)}\n".encode() + content)
        for hook in self.hooks:
            total.update(f"hook {hook.name} {len(hook.content)}\n".encode() + hook.content)
        return total.hexdigest()


def read(emulator: Path, version: str) -> Overlay:
    """Read the overlay for one version of QEMU from the checkout's `emulator` folder."""
    added = {}
    for room, target in (("model", _ADDED / "model"), ("qemu", _ADDED)):
        for path in sorted((emulator / room).rglob("*")):
            name = path.relative_to(emulator / room)
            if path.is_file() and name.parts[0] != "hooks" and not name.name.startswith("."):
                added[target / name] = path.read_bytes()
    devices = added.pop(_ADDED / "acceptlab.mak", None)
    if devices is None:
        raise BadInputError(f"{emulator}/qemu/acceptlab.mak is missing: the checkout is incomplete")
    added[Path(_DEVICES)] = devices
    series = sorted((emulator / "qemu" / "hooks" / version).glob("*.patch"))
    return Overlay(added, tuple(Hook(path.name, path.read_bytes()) for path in series))


def sync(overlay: Overlay, tree: Path, originals: Path) -> int:
    """Bring `tree` to Debian's QEMU plus the overlay and return how many files changed.

    `originals` keeps QEMU's own version of every file that a hook ever patched, so that a changed series starts from those.
    """
    wanted = _hooked(overlay, tree, originals) | overlay.added
    changed = sum(_update(tree / path, content) for path, content in wanted.items())
    return changed + _remove_stale(tree, set(overlay.added))


def _hooked(overlay: Overlay, tree: Path, originals: Path) -> dict[Path, bytes]:
    """Return the content of every file that a hook patches or once patched."""
    named = {
        Path(name)
        for hook in overlay.hooks
        for name in _PATCHED_FILE.findall(hook.content.decode())
    }
    for path in named:
        if (tree / path).is_file() and not (originals / path).exists():
            (originals / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(originals / path, (tree / path).read_bytes())
    with (
        tempfile.TemporaryDirectory(prefix="acceptlab-hooks-") as scratch,
        tempfile.TemporaryDirectory(prefix="acceptlab-series-") as series,
    ):
        if originals.is_dir():
            shutil.copytree(originals, scratch, dirs_exist_ok=True)
        for hook in overlay.hooks:
            patch = Path(series) / hook.name
            patch.write_bytes(hook.content)
            apply_patch(patch, Path(scratch))
        return {
            path.relative_to(scratch): path.read_bytes()
            for path in Path(scratch).rglob("*")
            if path.is_file()
        }


def _update(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return True


def _remove_stale(tree: Path, wanted: set[Path]) -> int:
    """Remove added files that the overlay no longer has."""
    stale = [
        path
        for path in (tree / _ADDED).rglob("*")
        if path.is_file() and path.relative_to(tree) not in wanted
    ]
    for path in stale:
        path.unlink()
    return len(stale)
