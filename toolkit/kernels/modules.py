# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's modules: found beside its image or in Debian's package, in the order in which they can be loaded."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from acceptlab.analysis.kernel.kernel_facts import PACKAGES
from acceptlab.analysis.kernel.versions import in_force, version_of
from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels import debian_kernels, image_files
from acceptlab.toolkit.kernels.package_files import write_member
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.kernels.suites import SUITES
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import say, step
from acceptlab.toolkit.whole_files import locked
from acceptlab.toolkit.whole_folders import made_beside

OPTIONS = {
    "ext4": "EXT4_FS",
    "erofs": "EROFS_FS",
    "squashfs": "SQUASHFS",
    "xfs": "XFS_FS",
    "btrfs": "BTRFS_FS",
    "overlay": "OVERLAY_FS",
    "virtio_blk": "VIRTIO_BLK",
    "virtio_mem": "VIRTIO_MEM",
    "virtio_mmio": "VIRTIO_MMIO",
    "virtio_net": "VIRTIO_NET",
    "virtio_pci": "VIRTIO_PCI",
    "virtio_rng": "HW_RANDOM_VIRTIO",
}
"""The option of the kernel's configuration behind each module that a run may load (Linux, fs/ and drivers/)."""

_FILE = re.compile(r"(?P<name>[\w-]+)\.ko(?P<packed>\.xz|\.zst|\.gz)?")
_BUILT_IN = "modules.builtin"
_IN_PACKAGE = re.compile(rf"(usr/)?lib/modules/[^/]+/(.*/)?({_FILE.pattern}|{_BUILT_IN})")


@dataclass(frozen=True)
class Module:
    """A module to load: its name, and its file as the kernel takes it, unpacked."""

    name: str
    content: bytes


def modules_of(
    kernel: Kernel, names: Sequence[str], folder: Path | None, option: str
) -> list[Module]:
    """Return those of the named modules that are not built in, each behind the modules that it depends on.

    ``folder`` is the modules' folder or build tree that the user gave, ``option`` the option that needs them, for messages.

    Raises BadInputError for a kernel without one of them, or whose modules are not at hand; MachineError when apt cannot get
    them.
    """
    configuration = kernel.config.read_text() if kernel.config else ""
    for name in names:
        if configuration and not re.search(rf"^CONFIG_{OPTIONS[name]}=[ym]$", configuration, re.M):
            raise BadInputError(
                f"{option}: {kernel.name} has no CONFIG_{OPTIONS[name]}; build one with it (`acceptlab kernel build --config`)"
            )
    wanted = [name for name in names if f"CONFIG_{OPTIONS[name]}=y\n" not in configuration]
    if not wanted:
        return []
    place = folder or _beside(kernel.image) or _of_package(kernel, option)
    return _Folder(place, kernel.name, option).in_order(wanted)


def _beside(image: Path) -> Path | None:
    """Return the modules' folder or build tree that an image belongs to by its place."""
    if image.match("arch/x86/boot/bzImage"):
        return image.parents[3]
    release = image.name.removeprefix("vmlinuz-")
    places = [image.parent]
    places += [image.parent.parent / place / release for place in image_files.MODULES]
    return next((place for place in places if (place / _BUILT_IN).is_file()), None)


class _Folder:
    """Modules below one folder."""

    def __init__(self, home: Path, kernel: str, option: str) -> None:
        self._home, self._kernel, self._option = home, kernel, option

    def in_order(self, names: Sequence[str]) -> list[Module]:
        """Return the modules and those that they depend on, in an order in which they can be loaded."""
        found: dict[str, Module] = {}
        for name in names:
            if name not in self._files and name not in self._built_in:
                raise BadInputError(
                    f"{self._option}: {self._home} has no module {name} for {self._kernel}"
                )
            self._add(name, found)
        return list(found.values())

    def _add(self, name: str, found: dict[str, Module]) -> None:
        """Add a module behind its dependencies; one that has no file is taken to be built in."""
        if name in found or name not in self._files:
            return
        content = _content(self._files[name])
        for other in _needed(content, self._files[name]):
            self._add(other, found)
        found[name] = Module(name, content)

    @cached_property
    def _files(self) -> dict[str, Path]:
        paths = (path for path in self._home.rglob("*.ko*") if _FILE.fullmatch(path.name))
        return {_name(path.name): path for path in sorted(paths)}

    @cached_property
    def _built_in(self) -> set[str]:
        lists = self._home.glob(f"**/{_BUILT_IN}")
        return {
            _name(line.rpartition("/")[2]) for path in lists for line in path.read_text().split()
        }


def _name(file: str) -> str:
    """Return the module's name of a file's: the kernel makes underscores of dashes."""
    found = _FILE.fullmatch(file)
    return found["name"].replace("-", "_") if found else ""


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return data


def _needed(content: bytes, path: Path) -> Iterator[str]:
    """Yield the names of modules that have to be loaded before (Linux scripts/mod/modpost.c, include/linux/module.h MODULE_SOFTDEP)."""
    from elftools.common.exceptions import ELFError  # no guest without a disk takes it
    from elftools.elf.elffile import ELFFile

    try:
        section = ELFFile(io.BytesIO(content)).get_section_by_name(".modinfo")
        data = section.data() if section else b""
    except ELFError as error:
        raise BadInputError(f"{path} is no kernel module: {error}") from error
    for line in data.split(b"\0"):
        key, _, value = line.decode(errors="replace").partition("=")
        if key == "depends":
            yield from (name for name in value.split(",") if name)
        if key == "softdep" and value.startswith("pre:"):
            yield from value.removeprefix("pre:").partition("post:")[0].replace("-", "_").split()


def _of_package(kernel: Kernel, option: str) -> Path:
    """Return the modules of Debian's kernel, from the cache or from its package."""
    package, _, version = kernel.package.partition(" ")
    if not version:
        raise BadInputError(
            f"{option}: the modules of {kernel.name} are not at hand; give their folder by --modules, or build in what it needs"
        )
    package = _package_of(package, kernel.version)
    folder = cache() / "modules" / f"{package}_{version}"
    with locked(
        folder.with_name(f".{folder.name}.lock"),
        lambda: say(f"another acceptlab is fetching {package}; waiting for it"),
    ):
        if not folder.is_dir():
            _fetch(package, version, folder, option)
    return folder


def _package_of(package: str, release: str) -> str:
    """Return the package with the modules of the kernel that came in a package."""
    layout = in_force(PACKAGES, version_of(release))[0]
    if layout.modules == layout.image:
        return package
    return f"{layout.modules}{release}"


def _fetch(package: str, version: str, folder: Path, option: str) -> None:
    with step(f"fetching the modules of {package}") as progress, made_beside(folder) as beside:
        archive = Archive(cache() / "apt-kernels", suites=SUITES)
        if (package, version) not in archive.binary_packages(re.escape(package)):
            archive = debian_kernels.with_lists(SUITES, progress)
        if (package, version) not in archive.binary_packages(re.escape(package)):
            raise BadInputError(
                f"{option}: Debian's archive has no {package} {version} any more; fetch a newer kernel, or give the modules' folder by --modules"
            )
        deb = archive.download_binary(package, version, beside / "deb", progress)
        progress.update(note="unpacking")
        _unpack(deb, beside)
        shutil.rmtree(beside / "deb")


def _unpack(deb: Path, folder: Path) -> None:
    """Unpack a package's modules, and its list of what is built in."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    name = str(PurePosixPath(member.name))
                    if member.isfile() and _IN_PACKAGE.fullmatch(name):
                        write_member(tar, member, folder)
        except (tarfile.TarError, OSError) as error:
            raise full_disk.failure(
                str(error), folder, f"{deb.name} could not be unpacked: {error}"
            ) from error
    if process.returncode:
        raise MachineError(f"{deb.name} could not be unpacked: dpkg-deb failed")
