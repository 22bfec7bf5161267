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
        self.tool(
            "sleep", "exec /usr/bin/sleep 0.02"
        )  # the script looks once a second whether pip has ended
        self.tool("apt-get", f'echo "$@" >>{self.calls}')
        self.has(RUN)

    def tool(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def has(self, packages: list[str], provides: str = "") -> None:
        lines = "".join(f"installed {package} {provides}\\n" for package in packages)
        self.tool("dpkg-query", f"printf '{lines}'")

    def has_python(self, pip: str = "") -> None:
        """A python3 whose environments have a pip that installs nothing, and does what `pip` says."""
        makes = 'mkdir -p "$3/bin"; for one in python pip; do cp "$0" "$3/bin/$one"; done'
        reads = f'exec {sys.executable} "$@"'
        self.tool(
            "python3",
            f'case "$1$2" in -I-S) echo 3.11.9;; -mvenv) {makes};; install-q) {pip or ":"};; -/*) {reads};; esac',
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


NO_SUCH_PACKAGE = "ERROR: No matching distribution found for lz4<5,>=4.3"
RETRY = "WARNING: Retrying (Retry(total=4)) after connection broken by "
NOT_TRUSTED = "Could not fetch URL https://index/lz4/: There was a problem confirming the ssl certificate: unable to get local issuer certificate - skipping"


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


def test_nothing_is_asked_while_packages_are_installed(machine: Machine) -> None:
    """dpkg asks about a changed configuration file whatever debconf's frontend is, and fails without a terminal."""
    machine.tool("id", "echo 0")
    machine.has([package for package in RUN if package != "flex"])
    machine.tool("apt-get", f'echo "$DEBIAN_FRONTEND" "$@" "$(cat)" >>{machine.calls}')
    machine.bootstrap("--run")
    call = machine.calls.read_text().split()
    assert call[0] == "noninteractive"
    assert {"Dpkg::Options::=--force-confdef", "Dpkg::Options::=--force-confold"} <= set(call)


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
    done = machine.bootstrap("--check")
    assert (done.returncode, done.stderr.count("Debian")) == (0, 0), done.stderr
    done = machine.bootstrap("--run")
    assert done.returncode == 3
    assert "this is no Debian machine" in done.stderr


def test_without_a_word_about_it_nothing_is_installed(machine: Machine) -> None:
    machine.has_python()
    done = machine.bootstrap("--python")
    assert (done.returncode, done.stdout) == (0, "python3\n")
    done = machine.bootstrap("--at-hand")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    assert not machine.home.exists()
    made = machine.bootstrap().stdout
    assert machine.bootstrap("--at-hand").stdout == made


def test_collecting_takes_the_packages_of_a_run_and_its_own(machine: Machine) -> None:
    missing = machine.bootstrap("--collect").stderr
    assert "install --no-install-recommends python3-bpfcc\n" in missing
    machine.has([])
    assert "bison" in machine.bootstrap("--collect").stderr


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


def started(folder: Path, words: tuple[str, ...], completing: str = "") -> list[str]:
    """Run the start script beside a bootstrap and a Python that only say how they are called; return what was called."""
    answers = {
        "setup/bootstrap.sh": f'[ "$1" = --python ] && echo {folder}/venv/bin/python || echo {folder}/venv',
        "venv/bin/python": "true",
    }
    for name, answer in answers.items():
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>{folder}/calls\n{answer}\n')
        path.chmod(0o755)
    script = folder / "acceptlab"
    script.write_text((CHECKOUT / "acceptlab").read_text())
    environment = {"PATH": "/usr/bin:/bin"} | (
        {"_ACCEPTLAB_COMPLETE": completing} if completing else {}
    )
    subprocess.run(["/bin/sh", script, *words], env=environment, check=True, capture_output=True)
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("line", "purpose"),
    [
        ("", "--python"),
        ("--version", "--python"),
        ("--help", "--python"),
        ("-h", "--python"),
        ("replay traces/snp-lazy", ""),
        ("report RUN", ""),
        ("doctor", ""),
        ("run debian:6.12 --replay", "--run"),
        ("run debian:6.12 --help", ""),
        ("run -h", ""),
        ("matrix spec.toml", "--run"),
        ("matrix spec.toml --plan", ""),
        ("demo", "--run"),
        ("setup", "--run"),
        ("collect -- debian:6.12 --platform tdx", "--collect"),
        ("series list", ""),
        ("series show accept-trace", ""),
        ("series check", "--series"),
        ("series check accept-trace --patch last", "--series"),
        ("series check --help", ""),
        ("series build v6.12..HEAD", "--series"),
        ("series bench base=debian:6.12", "--series"),
        ("kernel list", ""),
        ("kernel build DIR", "--series"),
    ],
)
def test_a_command_installs_only_what_it_takes(tmp_path: Path, line: str, purpose: str) -> None:
    calls = started(tmp_path, tuple(line.split()))
    assert calls[0] == f"bootstrap.sh {purpose}"
    without_site = "-S " if purpose == "--python" else ""
    assert calls[1] == f"python {without_site}-m acceptlab.toolkit {line}".rstrip()


def test_completion_installs_nothing(tmp_path: Path) -> None:
    assert started(tmp_path, (), "complete_bash")[0] == "bootstrap.sh --at-hand"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([NO_SUCH_PACKAGE], NO_SUCH_PACKAGE),
        ([NOT_TRUSTED, NO_SUCH_PACKAGE], "problem confirming the ssl certificate: unable to get"),
        ([f"{RETRY}'TimeoutError'", NO_SUCH_PACKAGE], "connection broken by 'TimeoutError'"),
    ],
)
def test_the_cause_of_pip_s_failure_is_in_the_line(
    machine: Machine, lines: list[str], cause: str
) -> None:
    """An index that was not reached ends, for pip, in a package that it does not have."""
    says = "; ".join(f'echo "{line}"' for line in lines)
    machine.has_python(pip=f"{says}; exit 1")
    done = machine.bootstrap()
    assert done.returncode == 3
    assert f"pip could not install the Python packages: {cause}" in done.stderr
