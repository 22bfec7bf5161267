# SPDX-License-Identifier: GPL-2.0-only
"""Completion as the shells ask for it: by bash itself, and by the protocol of the scripts for zsh and fish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.run.run_info import POLICIES
from acceptlab.toolkit.cli import completers, completion, completion_table
from acceptlab.toolkit.guest.workloads import OFFERED, parse_workload
from acceptlab.toolkit.profiles import names as profile_names
from acceptlab.toolkit.series.bundled import HOME
from acceptlab.toolkit.series.series_spec import FILE, read_spec

PROGRAM = [sys.executable, "-m", "acceptlab.toolkit"]
HEAVY = {"typer", "click", "numpy", "pandas", "pyarrow", "plotly", "rich"}
_TAB = """
source "$1"; shift
COMP_CWORD=$1; shift
COMP_WORDS=("$@")
_acceptlab_completion acceptlab
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""What bash does for the tab key, with the script that `--install-completion` installs."""


def own_series() -> list[str]:
    """The names of the series that this repository brings, by folder."""
    return [read_spec(path).name for path in sorted(HOME.glob(f"*/*/{FILE}"))]


@pytest.fixture
def home(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `installed`, as the user's cache and with its `acceptlab` on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(installed))
    monkeypatch.setenv("PATH", f"{installed / 'bin'}:{os.environ['PATH']}")
    return installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with two kernels, and a folder with `acceptlab` and its completion script, on PATH."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("debian:6.12", "mine"):
        kernel = folder / "acceptlab" / "kernels" / name.replace(":", "-")
        kernel.mkdir(parents=True)
        (kernel / "meta.json").write_text(json.dumps({"name": name}))
    (folder / "acceptlab" / "kernels" / "broken").mkdir()
    (folder / "acceptlab" / "kernels" / "broken" / "meta.json").write_text("{")
    program = folder / "bin" / "acceptlab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    script = subprocess.run(
        [*PROGRAM, "--show-completion", "bash"],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (folder / "script").write_text(script)
    return folder


def tab(home: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words, which are as bash takes a line apart."""
    line = ["acceptlab", *words]
    done = subprocess.run(
        ["bash", "--norc", "-c", _TAB, "bash", home / "script", str(len(words)), *line],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ru"], ["run"]),
        (["kernel", "fe"], ["fetch"]),
        (["--ver"], ["--version"]),
        (["run", "--platf"], ["--platform"]),
        (["run", "--platform", ""], ["snp", "tdx"]),
        (["run", "--platform", "=", "t"], ["tdx"]),
        (["run", "--platform", "snp", "--platf"], []),
        (["run", "--memory", "2G", "min"], ["mine"]),
        (["run", "debian", ":", "6.12", "--accept", "e"], ["eager"]),
        (["run", "m", "--accept", ""], list(POLICIES)),
        (["run", "m", "--workload", ""], list(OFFERED)),
        (["run", "m", "--workload", "touch:64M", "--workload", "ke"], ["kexec"]),
        (["series", "check", ""], own_series()),
        (["report", "RUN", "--profile", ""], profile_names()),
        (["export", "RUN", "--format", "p"], ["perfetto", "parquet"]),
        (["kernel", "build", "--target", ""], None),
        (["replay", "no-such-run"], []),
        (["no-such-command", ""], []),
        (["run", "m", "too-much", ""], []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bash_offers(home: Path, words: list[str], offered: list[str] | None) -> None:
    found = tab(home, *words)
    assert found == offered if offered is not None else found


def test_bash_offers_kernels_of_the_cache_and_suites(home: Path) -> None:
    found = tab(home, "run", "")
    assert {"mine", "debian:6.12", "debian:sid", "debian:trixie-backports"} <= set(found)
    assert "mine" not in tab(home, "kernel", "fetch", "")


def test_bash_completes_behind_a_colon_what_is_behind_it(home: Path) -> None:
    """It ends words there: what is before must not be inserted again."""
    assert tab(home, "run", "debian", ":", "6") == ["6.12"]
    assert "6.12" in tab(home, "run", "debian", ":")


def asked(home: Path, shell: str, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {completion.VARIABLE: f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, **more}
    return subprocess.run(
        PROGRAM, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_fish_offers_words_with_help(home: Path) -> None:
    action = "_TYPER_COMPLETE_FISH_ACTION"
    done = asked(home, "fish", "acceptlab kernel fe", **{action: "get-args"})
    word, text = done.stdout.strip().split("\t")
    assert (word, text[:5]) == ("fetch", "Fetch")
    assert asked(home, "fish", "acceptlab kernel fe", **{action: "is-args"}).returncode == 0
    assert asked(home, "fish", "acceptlab replay x", **{action: "is-args"}).returncode == 1


def test_zsh_offers_words_with_help_and_files_else(home: Path) -> None:
    done = asked(home, "zsh", "acceptlab kernel f")
    assert done.stdout.startswith('_arguments \'*: :(("fetch":"Fetch')
    done = asked(home, "zsh", "acceptlab run debian:6.1")
    assert '"debian\\\\:6.12"' in done.stdout
    assert asked(home, "zsh", "acceptlab replay ").stdout == "_files\n"


def test_another_shell_is_answered_by_typer(home: Path) -> None:
    line = {"_TYPER_COMPLETE_WORD_TO_COMPLETE": "ru"}
    assert asked(home, "powershell", "acceptlab ru", **line).stdout.startswith("run")


def test_an_answer_from_the_table_loads_nothing_heavy(home: Path) -> None:
    tab(home, "ru")  # makes the table
    code = (
        "import sys\nfrom acceptlab.toolkit.cli.app import main\nmain()\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {completion.VARIABLE: "complete_bash", "COMP_WORDS": "acceptlab run m", "COMP_CWORD": "2"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("mine\n", "\n")


def test_without_typer_nothing_is_offered_and_nothing_said(home: Path, tmp_path: Path) -> None:
    """Nor is a table made."""
    bare = "import sys; sys.modules['typer'] = None\nfrom acceptlab.toolkit.cli.app import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", bare],
        env=os.environ | {completion.VARIABLE: "complete_bash", "COMP_WORDS": "acceptlab ru", "COMP_CWORD": "1", "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def test_the_table_is_made_anew_when_the_program_changes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"number": len(made)}

    monkeypatch.setattr(completion_table, "_made", make)
    monkeypatch.setattr(completion_table, "_state", lambda: "new")
    assert completion_table.table() == completion_table.table() == {"number": 1}
    monkeypatch.setattr(completion_table, "_state", lambda: "newer")
    assert completion_table.table() == {"number": 2}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": 1}', "null"])
def test_a_damaged_table_is_made_anew(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(completion_table, "_made", lambda: {"a": 1})
    completion_table.table()
    (path,) = (tmp_path / "acceptlab").iterdir()
    path.write_text(content)
    assert completion_table.table() == {"a": 1}


def test_the_state_follows_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("toolkit/cli", "analysis/run"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(completion_table, "CHECKOUT", tmp_path)
    states = [completion_table._state()]
    for content in ("a", "ab"):
        (tmp_path / "toolkit" / "cli" / "run.py").write_text(content)
        states.append(completion_table._state())
    assert len(set(states)) == 3


def test_what_is_offered_is_taken() -> None:
    for word in OFFERED:
        argument = {"processes:": "3", "idle:": "3"}.get(word, "64M") if word.endswith(":") else ""
        assert parse_workload(word + argument)
    for suite in completers.suites(""):
        assert suite.startswith("debian:")
    assert completers.profiles("") == profile_names()
    assert set(completers.series("")) == set(own_series())
