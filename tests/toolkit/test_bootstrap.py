# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script, with stand-ins for Debian's tools: what it installs, what it asks for, and how it ends."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.doctor.checks import wanted_packages
from acceptlab.toolkit.places import CHECKOUT

RUN = [package for package, purpose in wanted_packages() if purpose == "run"]


class Machine:
    """A PATH of stand-ins; `installed` are the packages that dpkg knows."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls = folder / "calls"
        self.home = folder / "home"
        for tool in (
            "awk",
            "sed",
            "grep",
            "cat",
            "dirname",
            "sha256sum",
            "cut",
            "tail",
            "du",
            "sleep",
            "mkdir",
            "rm",
            "flock",
            "sh",
        ):
            (self.bin / tool).symlink_to(f"/usr/bin/{tool}")
        for name in ("python3.11", "python3.12", "python3.13", "python3"):
            self.tool(
                name, "exit 1"
            )  # too old: the script ends there, before it makes an environment
        self.tool("id", "echo 1000")
        self.tool("apt-get", f'echo "$@" >>{self.calls}')
        self.has(RUN)

    def tool(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def has(self, packages: list[str], provides: str = "") -> None:
        lines = "".join(f"installed {package} {provides}\\n" for package in packages)
        self.tool("dpkg-query", f"printf '{lines}'")

    def has_python(self) -> None:
        """A python3 whose environments have a pip that installs nothing."""
        makes = 'mkdir -p "$3/bin"; for one in python pip; do cp "$0" "$3/bin/$one"; done'
        reads = f'exec {sys.executable} "$@"'
        self.tool(
            "python3",
            f'case "$1$2" in -cprint*|-c*print*) echo 3.11;; -mvenv) {makes};; -/*) {reads};; esac',
        )
        (self.bin / "cp").symlink_to("/usr/bin/cp")

    def bootstrap(self, *words: str, keep: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the script beside a copy of the project's files; ``keep`` those that are there."""
        script = (CHECKOUT / "setup" / "bootstrap.sh").read_text()
        # The absolute path is the one candidate that a PATH of stand-ins cannot hide.
        copy = self.bin.parent / "setup" / "bootstrap.sh"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(script.replace("/usr/bin/python3", "nowhere"))
        for name in () if keep else ("setup/packages.txt", "pyproject.toml"):
            (self.bin.parent / name).write_text((CHECKOUT / name).read_text())
        return subprocess.run(
            ["/bin/sh", copy, *words],
            env={"PATH": str(self.bin), "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_root_it_says_exactly_what_to_install(machine: Machine) -> None:
    machine.has([package for package in RUN if package not in ("bison", "meson")])
    done = machine.bootstrap("--run")
    assert done.returncode == 3
    assert "install --no-install-recommends bison meson\n" in done.stderr
    assert done.stdout == ""
    assert not machine.calls.exists()


def test_as_root_it_installs_what_is_missing_and_no_more(machine: Machine) -> None:
    machine.tool("id", "echo 0")
    machine.has([package for package in RUN if package != "flex"])
    machine.bootstrap("--run")
    (call,) = machine.calls.read_text().splitlines()
    assert call.split()[-3:] == ["-y", "--no-install-recommends", "flex"]


def test_lists_are_fetched_only_when_an_install_fails(machine: Machine) -> None:
    machine.tool("id", "echo 0")
    machine.has([])
    machine.tool("apt-get", f'echo "$@" >>{machine.calls}; grep -q update {machine.calls}')
    done = machine.bootstrap("--run")
    calls = [line.split()[-1] for line in machine.calls.read_text().splitlines()]
    assert calls == [RUN[-1], "update", RUN[-1]]
    assert "no python3 of version 3.11" in done.stderr


def test_a_package_that_another_provides_is_not_missing(machine: Machine) -> None:
    machine.has([p for p in RUN if p != "pkg-config"] + ["pkgconf"], "pkg-config (= 1.8), x")
    assert "no python3" in machine.bootstrap("--run").stderr


def test_development_asks_for_more(machine: Machine) -> None:
    done = machine.bootstrap("--dev")
    assert done.returncode == 3
    assert "chromium" in done.stderr
    assert "qemu-system-x86" not in done.stderr


def test_what_builds_kernels_is_asked_for_by_its_purpose_only(machine: Machine) -> None:
    assert "no python3" in machine.bootstrap("--run").stderr
    done = machine.bootstrap("--series")
    assert done.returncode == 3
    assert "libelf-dev" in done.stderr
    assert "chromium" not in done.stderr


def test_an_old_python_is_told(machine: Machine) -> None:
    done = machine.bootstrap()
    assert done.returncode == 3
    assert "no python3 of version 3.11 or newer was found" in done.stderr


def test_a_machine_without_apt_can_do_what_needs_python_alone(machine: Machine) -> None:
    (machine.bin / "apt-get").unlink()
    machine.has_python()
    done = machine.bootstrap()
    assert (done.returncode, done.stderr.count("Debian")) == (0, 0), done.stderr
    done = machine.bootstrap("--run")
    assert done.returncode == 3
    assert "this is no Debian machine" in done.stderr


def test_an_unknown_argument_is_wrong_usage(machine: Machine) -> None:
    assert machine.bootstrap("--fast").returncode == 2


def test_checkouts_with_the_same_dependencies_share_an_environment(machine: Machine) -> None:
    machine.has_python()
    first = machine.bootstrap().stdout
    second = machine.bootstrap()
    assert (second.stdout, second.stderr) == (first, "")
    project = machine.bin.parent / "pyproject.toml"
    text = project.read_text()
    project.write_text(text.replace('version = "', 'version = "9'))
    assert machine.bootstrap(keep=True).stdout == first
    project.write_text(text.replace('"numpy>=', '"numpy>='.replace(">=", "!=")))
    assert machine.bootstrap(keep=True).stdout != first


def test_the_requirements_are_those_of_the_project(machine: Machine) -> None:
    machine.has_python()
    made = Path(machine.bootstrap("--batch").stdout.strip())
    listed = made.with_name(f"{made.name}.requirements").read_text()
    assert "numpy" in listed
    assert "dask" in listed
    assert "pytest" not in listed
