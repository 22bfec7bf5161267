# SPDX-License-Identifier: GPL-2.0-only
"""Build the emulator: Debian's QEMU plus our files, cached by everything that it is made from.

In the cache: `emulator/source/` the tarballs, `emulator/work-*/` one tree per Debian revision, in which ninja builds
incrementally, and `emulator/<key>/` the finished emulators, each with its build.json. Where no base is given, it is the
chosen one (bases.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.places import CHECKOUT, cache
from acceptlab.toolkit.processes import end_with_parent
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.qemu import bases, meson, overlay, qemu_source
from acceptlab.toolkit.qemu.bases import Base
from acceptlab.toolkit.whole_files import locked, write_whole
from acceptlab.toolkit.whole_folders import made_beside

BINARY = "qemu-system-x86_64"
CONFIGURE = (
    "--target-list=x86_64-softmmu",
    "--without-default-features",
    "--without-default-devices",
    "--with-devices-x86_64=acceptlab",
    "--disable-tools",
    "--disable-docs",
    "--disable-install-blobs",
    "--enable-tcg",
    "--enable-fdt=system",
    "--disable-debug-info",
    "--disable-debug-tcg",
    "--disable-qom-cast-debug",  # an eighth of a boot's time
    "--enable-trace-backends=dtrace",
)
_NINJA_COUNT = re.compile(r"^\[(\d+)/(\d+)\] (.*)")
_COMPILER_LINE = re.compile(r"(error|warning|undefined reference|FAILED)", re.IGNORECASE)


@dataclass(frozen=True)
class Emulator:
    """A finished emulator and what it was made from."""

    binary: Path
    key: str
    build: dict[str, Any]


def home() -> Path:
    """Return the emulators' folder in the cache."""
    return cache() / "emulator"


def work_folder(debian_sha256: str) -> Path:
    """Return the folder in which QEMU of one Debian revision is built: `qemu/` its tree, `build/` its objects."""
    return home() / f"work-{debian_sha256[:12]}"


def configure_line(base: Base) -> list[str]:
    """Return the options of the base's configure, but for those that name a path of this machine."""
    return [*CONFIGURE, *base.configure]


def key_of(base: Base, made_of: qemu_source.Source, files: overlay.Overlay) -> str:
    """Return the name of the emulator that is made from these inputs by today's configure line."""
    parts = [
        made_of.version,
        made_of.orig_sha256,
        made_of.debian_sha256,
        files.digest(),
        *configure_line(base),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def files_for(base: Base) -> overlay.Overlay:
    """Return what this checkout puts on top of the base."""
    return overlay.read(CHECKOUT / "emulator", base.version)


def find(base: Base | None = None) -> Emulator | None:
    """Return the finished emulator for this checkout, or None when it has to be built."""
    base = base or bases.chosen()
    digest = files_for(base).digest()
    for record in sorted(home().glob("*/build.json")):
        build = json.loads(record.read_text())
        current = build["overlay_sha256"] == digest and build["configure"] == configure_line(base)
        binary = record.parent / BINARY
        if current and build["qemu"] == base.version and _is_whole(binary, build):
            return Emulator(binary, build["key"], build)
    return None


def _is_whole(binary: Path, build: dict[str, Any]) -> bool:
    """Whether the file has the size that it was built with; an older record has none."""
    size = binary.stat().st_size if binary.is_file() else 0
    return size > 0 and build.get("bytes", size) == size


def ensure(tarball: Path | None = None, base: Base | None = None) -> Emulator:
    """Return the emulator for this checkout, built if need be.

    `tarball` names QEMU's source; without it apt fetches it. Two callers at once: the second waits for the first. An
    interrupted build goes on where it was. Raises MachineError when a step fails, with what the tool said.
    """
    base = base or bases.chosen()
    ready = find(base)
    if ready:
        return ready
    with locked(
        home() / "lock", lambda: say("another acceptlab is building the emulator; waiting for it")
    ):
        return find(base) or _build(base, _source(base, tarball))


def _source(base: Base, tarball: Path | None) -> qemu_source.Source:
    if tarball:
        return qemu_source.from_tarball(base, tarball)
    with step(f"fetching the source of QEMU {base.version}") as progress:
        kept = cached_source(base)
        return kept or qemu_source.fetch(
            base, qemu_source.archive_of(base), home() / "source", progress
        )


def cached_source(base: Base) -> qemu_source.Source | None:
    """Return the source of an earlier build; a file cut short by an interruption does not count."""
    folder = home() / "source"
    record = folder / f"source-{base.version}.json"
    if not record.is_file():
        return None
    version = json.loads(record.read_text())["version"]
    orig, debian = (
        folder / qemu_source.orig_name(version),
        folder / qemu_source.debian_name(version),
    )
    if not (orig.is_file() and debian.is_file()):
        return None
    return qemu_source.check(base, version, orig, debian, vouched_by_apt=True)


@contextmanager
def objects() -> Iterator[Path]:
    """Give ninja's build folder, up to date with this checkout until the block ends: to compile one of its files again.

    The finished emulator may be older than that folder, which other checkouts build in as well, after that.
    """
    with locked(home() / "lock", lambda: say("another acceptlab builds the emulator now; waiting")):
        base = bases.chosen()
        yield _compile(base, _source(base, None), files_for(base))


def _build(base: Base, made_of: qemu_source.Source) -> Emulator:
    files = files_for(base)
    return _install(base, _compile(base, made_of, files) / BINARY, made_of, files)


def _compile(base: Base, made_of: qemu_source.Source, files: overlay.Overlay) -> Path:
    """Bring QEMU's tree and its build folder up to date; return the latter."""
    if made_of.orig.parent == home() / "source":
        write_whole(
            home() / "source" / f"source-{base.version}.json",
            json.dumps({"version": made_of.version}) + "\n",
        )
    work = work_folder(made_of.debian_sha256)
    tree, folder = work / "qemu", work / "build"
    if not tree.is_dir():
        with step("unpacking QEMU and applying Debian's patches") as progress:
            qemu_source.unpack(made_of, tree, progress)
    overlay.sync(files, tree, work / "originals")
    compile_tree(base, tree, folder, work / "build.log")
    return folder


def compile_tree(base: Base, tree: Path, folder: Path, log: Path) -> None:
    """Build QEMU's `tree` in `folder`, as far as it is not built; what the tools say goes to `log`.

    Raises MachineError when a step fails, with what the tool said.
    """
    with log.open("w") as output:
        if _must_configure(base, folder):
            with step("configuring QEMU") as progress:
                _configure(base, tree, folder, output.fileno(), log, progress)
        with step("building the emulator") as progress:
            _ninja(folder, log, progress)


def _must_configure(base: Base, objects: Path) -> bool:
    stamp = objects / "configure-line"
    return not stamp.is_file() or stamp.read_text() != "\n".join(configure_line(base))


def _configure(
    base: Base, tree: Path, objects: Path, output: int, log: Path, progress: Step
) -> None:
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    progress.update(note="meson")
    done = subprocess.run(
        [
            tree / "configure",
            *meson.configure_options(base, home(), progress),
            *configure_line(base),
        ],
        cwd=objects,
        env=_environment(),
        stdout=output,
        stderr=output,
        check=False,
    )
    if done.returncode != 0:
        raise MachineError(f"QEMU's configure failed: {_tail(log)} (all of it: {log})")
    write_whole(objects / "configure-line", "\n".join(configure_line(base)))


def _ninja(objects: Path, log: Path, progress: Step) -> None:
    said: deque[str] = deque(maxlen=4000)
    command = ["ninja", "-C", str(objects), BINARY]
    with (
        log.open("a") as output,
        subprocess.Popen(
            command,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=end_with_parent,
        ) as ninja,
    ):
        assert ninja.stdout is not None
        for line in ninja.stdout:
            output.write(line)
            said.append(line)
            count = _NINJA_COUNT.match(line)
            if count:
                progress.update(float(count[1]), float(count[2]), f"[{count[1]}/{count[2]}]")
    if ninja.returncode != 0:
        about = [line for line in said if _COMPILER_LINE.search(line)]
        raise MachineError(
            f"building the emulator failed: {' | '.join(about[:3]) or _tail(log)} (full log: {log})"
        )


def _install(
    base: Base, binary: Path, made_of: qemu_source.Source, files: overlay.Overlay
) -> Emulator:
    """Put the finished binary and its record below their key; the folder appears whole or not at all."""
    key = key_of(base, made_of, files)
    build = {
        "key": key,
        "qemu": base.version,
        "debian_version": made_of.version,
        "source": {k: str(v) for k, v in asdict(made_of).items() if k not in ("orig", "debian")},
        "overlay_sha256": files.digest(),
        "hooks": [hook.name for hook in files.hooks],
        "configure": configure_line(base),
        "bytes": binary.stat().st_size,
    }
    with made_beside(home() / key) as beside:
        shutil.copy2(binary, beside / BINARY)
        write_whole(beside / "build.json", json.dumps(build, indent=2) + "\n")
    return Emulator(home() / key / BINARY, key, build)


def _environment() -> dict[str, str]:
    """Return the build's environment: plain messages. No ccache: ninja keeps the tree, and the first build would pay for it."""
    return os.environ | {"LC_ALL": "C.UTF-8", "NINJA_STATUS": "[%f/%t] "}


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-2:])
