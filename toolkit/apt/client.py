# SPDX-License-Identifier: GPL-2.0-only
"""Ask apt for packages, with lists and cache of our own, as any user."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from toolkit.apt.sources import codename, derive
from toolkit.errors import MachineError
from toolkit.files import locked, write_whole
from toolkit.progress import Step

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


class Archive:
    """Debian's archive as this machine's own sources reach it. `root` is a folder of ours for lists, cache and configuration."""

    def __init__(self, root: Path, etc_apt: Path = Path("/etc/apt")) -> None:
        self.root = root
        self._etc_apt = etc_apt

    def update(self, step: Step) -> None:
        """Fetch the package lists. Raises MachineError when the machine has no usable source or apt fails."""
        sources = derive(self._etc_apt, codename())
        if not sources:
            raise MachineError(
                f"no source of Debian's packages is configured below {self._etc_apt}: "
                "add the line that Debian's installer would have written to sources.list"
            )
        with locked(self.root / "lock"):
            self._configure(sources.one_line, sources.deb822)
            step.update(note="package lists")
            done = self._run("apt-get", "update")
        if done.returncode != 0:
            raise MachineError(
                f"apt-get could not fetch the package lists: {last_error(done.stderr)}"
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

    def binary_packages(self, name_pattern: str) -> list[tuple[str, str]]:
        """Return (package, version) of every binary package whose name matches the whole pattern, newest version first."""
        names = self._run("apt-cache", "pkgnames").stdout.split()
        matching = [name for name in names if re.fullmatch(name_pattern, name)]
        if not matching:
            return []
        shown = self._run("apt-cache", "show", *matching).stdout
        pairs = set(
            re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", shown, re.MULTILINE | re.DOTALL)
        )
        order = newest_first({version for _, version in pairs})
        return sorted(pairs, key=lambda pair: (order.index(pair[1]), pair[0]))

    def download_source(self, package: str, version: str, folder: Path, step: Step) -> None:
        """Download a source package's files into `folder`; apt checks them against the archive's signed lists."""
        self._download(
            ("source", "--download-only", "--only-source", f"{package}={version}"), folder, step
        )

    def download_binary(self, package: str, version: str, folder: Path, step: Step) -> Path:
        """Download one .deb into `folder` and return its path; apt checks it against the archive's signed lists."""
        self._download(("download", f"{package}={version}"), folder, step)
        return next(folder.glob(f"{package}_*.deb"))

    def _download(self, arguments: tuple[str, ...], folder: Path, step: Step) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["apt-get", "-c", str(self.root / "apt.conf"), "-q", *arguments]
        with subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            output = []
            for line in process.stdout:
                output.append(line)
                step.update(note=f"{line.strip()[:60]}")
        if process.returncode != 0:
            raise MachineError(
                f"apt-get could not download {arguments[-1]}: {last_error(''.join(output))}"
            )

    def _run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [tool, "-c", str(self.root / "apt.conf"), "-q", *arguments]
        try:
            return subprocess.run(
                command, env=_environment(), capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise MachineError(
                f"{tool} is not there: acceptlab fetches its sources from Debian's archive"
            ) from None


def _environment() -> dict[str, str]:
    return os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def last_error(output: str) -> str:
    """Return the last error line that apt printed (they start with `E: `), or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line[3:] for line in lines if line.startswith("E: ")]
    return (errors or lines or ["it said nothing"])[-1]


def newest_first(versions: set[str]) -> list[str]:
    """Sort Debian versions by Debian's own rule (deb-version(7)), newest first."""

    def compare(a: str, b: str) -> int:
        is_newer = subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False)
        return -1 if is_newer.returncode == 0 else 1

    return sorted(sorted(versions), key=functools.cmp_to_key(compare))
