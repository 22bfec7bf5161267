# SPDX-License-Identifier: GPL-2.0-only
"""Ask apt for packages, with lists and cache of our own, as any user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.debian_versions import newest_first
from acceptlab.toolkit.apt.sources import codename, derive, derive_suites
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.whole_files import locked, write_whole

_CONFIG = """\
Dir::State::Lists "{root}/lists/";
Dir::Cache "{root}/cache/";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{root}/sources.d/";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""

NO_SUITE = "does not have a Release file"
"""What apt says of a suite that is not there."""


@dataclass(frozen=True)
class Package:
    """One version of a binary package. `size` is that of its file in bytes; `depends` is the field as it stands."""

    name: str
    version: str
    size: int = 0
    depends: str = ""


class Archive:
    """Debian's archive as this machine's own sources reach it. `root` is a folder of ours for lists, cache and configuration.

    With `suites` it is these, from the same mirrors, in place of the suites that the machine uses itself; `types` says
    whether binaries of them (`deb`), sources (`deb-src`) or both.
    """

    def __init__(
        self,
        root: Path,
        etc_apt: Path = Path("/etc/apt"),
        suites: Sequence[str] = (),
        types: Sequence[str] = ("deb",),
    ) -> None:
        self.root = root
        self._etc_apt = etc_apt
        self._suites = tuple(suites)
        self._types = tuple(types)

    def update(self, step: Step) -> None:
        """Fetch the package lists. Raises MachineError when the machine has no usable source or apt fails."""
        if self._suites:
            sources = derive_suites(self._etc_apt, codename(), self._suites, self._types)
        else:
            sources = derive(self._etc_apt, codename())
        if not sources:
            raise MachineError(
                f"no Debian package source is configured in {self._etc_apt}: "
                "add the sources.list line that Debian's installer writes"
            )
        with locked(self.root / "lock"):
            self._configure(sources.one_line, sources.deb822)
            step.update(note="package lists")
            code, said, watch = self._follow(("update",), self.root, step)
        if code != 0:
            raise full_disk.failure(
                said,
                self.root,
                f"apt-get could not fetch the package lists: {last_error(said)}",
                watch,
            )

    def _configure(self, one_line: str, deb822: str) -> None:
        parts = self.root / "sources.d"
        shutil.rmtree(parts, ignore_errors=True)
        for folder in (
            parts,
            self.root / "lists" / "partial",
            self.root / "cache" / "archives" / "partial",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        (parts / "derived.list").write_text(one_line)
        (parts / "derived.sources").write_text(deb822)
        write_whole(self.root / "apt.conf", _CONFIG.format(root=self.root))

    def source_versions(self, package: str) -> list[str]:
        """Return the versions of a source package that the lists know, newest first."""
        done = self._run("apt-cache", "showsrc", "--only-source", package)
        return newest_first(set(re.findall(r"^Version: (\S+)$", done.stdout, re.MULTILINE)))

    def packages(self, name_pattern: str) -> list[Package]:
        """Return every version of every binary package whose name matches the whole pattern, newest version first."""
        names = self._run("apt-cache", "pkgnames").stdout.split()
        matching = [name for name in names if re.fullmatch(name_pattern, name)]
        if not matching:
            return []
        shown = self._run("apt-cache", "show", *matching).stdout
        found = {package for block in shown.split("\n\n") if (package := _package(block))}
        order = newest_first({package.version for package in found})
        return sorted(found, key=lambda one: (order.index(one.version), one.name))

    def binary_packages(self, name_pattern: str) -> list[tuple[str, str]]:
        """Return (package, version) of every binary package whose name matches the whole pattern, newest version first."""
        return [(one.name, one.version) for one in self.packages(name_pattern)]

    def suites_of(self, package: str) -> list[tuple[str, str]]:
        """Return (version, suite) of a binary package, as many as there are, newest first (apt-cache(8), madison)."""
        done = self._run("apt-cache", "madison", package)
        return re.findall(r"^\s*\S+ \|\s*(\S+) \| \S+ (\S+)/main \S+ Packages$", done.stdout, re.M)

    def download_source(self, package: str, version: str, folder: Path, step: Step) -> None:
        """Download a source package's files into `folder`; apt checks them against the archive's signed lists."""
        self._download(
            ("source", "--download-only", "--only-source", f"{package}={version}"), folder, step
        )

    def download_binary(self, package: str, version: str, folder: Path, step: Step) -> Path:
        """Download one .deb into `folder` and return its path; apt checks it against the archive's signed lists."""
        self._download(("download", f"{package}={version}"), folder, step)
        return next(folder.glob(f"{package}_*.deb"))

    def download_with_dependencies(self, packages: Sequence[str], folder: Path, step: Step) -> None:
        """Download packages (names, or patterns of apt-patterns(7)) and all that they depend on into `folder`.

        What this machine has installed is of no account.
        """
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        nothing = folder / "partial" / "status"
        nothing.touch()
        settings = {
            "Dir::State::Status": nothing,
            "Dir::State::extended_states": nothing.with_name("extended_states"),
            "Dir::Cache::Archives": f"{folder}/",
            "APT::Install-Recommends": "false",
            "APT::Get::AllowUnauthenticated": "false",
        }
        words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        self._download((*words, "-y", "--download-only", "install", *packages), folder, step)

    def _download(self, arguments: tuple[str, ...], folder: Path, step: Step) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        code, said, watch = self._follow(arguments, folder, step)
        if code != 0:
            raise full_disk.failure(
                said,
                folder,
                f"apt-get could not download {arguments[-1]}: {last_error(said)}",
                watch,
            )

    def _follow(
        self, arguments: tuple[str, ...], folder: Path, step: Step
    ) -> tuple[int, str, full_disk.Watch]:
        """Run apt-get in a folder that it writes to, and show its last line; return exit code, output, and whether the disk was full."""
        command = ["apt-get", "-c", str(self.root / "apt.conf"), "-q", *arguments]
        output = []
        try:
            with (
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env=_environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                ) as process,
                full_disk.watched(process, folder) as watch,
            ):
                assert process.stdout is not None
                for line in process.stdout:
                    output.append(line)
                    step.update(note=f"{line.strip()[:60]}")
        except FileNotFoundError:
            raise MachineError(_no("apt-get")) from None
        return process.returncode, "".join(output), watch

    def _run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [tool, "-c", str(self.root / "apt.conf"), "-q", *arguments]
        try:
            return subprocess.run(
                command, env=_environment(), capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise MachineError(_no(tool)) from None


def _package(block: str) -> Package | None:
    fields = dict(re.findall(r"^(Package|Version|Size|Depends): (.*)$", block, re.MULTILINE))
    if not {"Package", "Version"} <= fields.keys():
        return None
    return Package(
        fields["Package"], fields["Version"], int(fields.get("Size", 0)), fields.get("Depends", "")
    )


def _no(tool: str) -> str:
    return f"{tool} is not installed: acceptlab fetches sources from Debian's archive with it"


def _environment() -> dict[str, str]:
    return os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def last_error(output: str) -> str:
    """Return the last error line that apt printed (they start with `E: `), or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line[3:] for line in lines if line.startswith("E: ")]
    return (errors or lines or ["no output"])[-1]
