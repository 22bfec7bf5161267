# SPDX-License-Identifier: GPL-2.0-only
"""The wheel, installed where there is no apt, no git, no Debian and no checkout: what reads run folders works all the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT

pytestmark = pytest.mark.processes

TAKEN_ALONG = ("analysis", "toolkit", "emulator", "patches", "data", "setup", "pyproject.toml", "setup.py", "README.md", "LICENSE")  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel is installed: it has one package, acceptlab."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in TAKEN_ALONG:
        path = CHECKOUT / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "import")
            shutil.copytree(path, source / name, ignore=ignored)
        else:
            shutil.copy(path, source / name)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    built = [*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, source]
    subprocess.run(built, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", site, wheel], check=True, capture_output=True)  # fmt: skip
    return site


def acceptlab(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the installed package; PATH has no program."""
    nothing = folder / "bin"
    nothing.mkdir(exist_ok=True)
    environment = {"PATH": str(nothing), "HOME": str(folder), "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", "acceptlab.toolkit", *words],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_has_one_package_with_all_data_files(installed: Path) -> None:
    tops = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert tops - {"bin"} == {"acceptlab"}
    listed = subprocess.run(
        ["git", "ls-files", "analysis", "toolkit", "emulator", "patches", "data"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    hidden = {name for name in listed if Path(name).name.startswith(".")}
    assert not [name for name in listed if name not in hidden and not (installed / "acceptlab" / name).is_file()]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--version", 0, "acceptlab"),
        ("--help", 0, "replay"),
        ("replay TRACES/snp-lazy", 0, "clean"),
        ("replay TRACES/snp-kexec-broken", 1, "I1"),
        ("report TRACES/tdx-lazy --format html --out page.html", 0, "page.html"),
        ("export TRACES/tdx-lazy --format csv --out events.csv", 0, "events.csv"),
        ("estimate TRACES/tdx-lazy", 0, "Modelled"),
        ("matrix SWEEPS/small.toml --plan", 0, "acceptlab run"),
        ("doctor", 3, "apt-get"),
        ("run debian:6.12", 3, "apt-get"),
        ("series list", 3, "git"),
    ],
)
def test_what_needs_no_more_works_and_the_rest_says_what_it_needs(
    installed: Path, tmp_path: Path, words: str, code: int, says: str
) -> None:
    words = words.replace("TRACES", str(CHECKOUT / "traces")).replace("SWEEPS", str(CHECKOUT / "data" / "sweeps"))  # fmt: skip
    done = acceptlab(installed, tmp_path, *words.split())
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
