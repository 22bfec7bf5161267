# SPDX-License-Identifier: GPL-2.0-only
"""The templates for continuous integration: their own shell lines, with a stand-in for the container engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.series.conftest import WHO, Command, Tree
from tests.toolkit.series.test_b4 import _ACCEPTLAB, REAL_PYTHON

pytestmark = pytest.mark.processes
CI = CHECKOUT / "data" / "ci"
_DOCKER = """\
#!{python}
import os, subprocess, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(*words, file=log)
assert words[:2] == ["run", "--rm"], words
volumes, rest = dict(), words[2:]
while rest[0].startswith("--"):
    option, value, *rest = rest
    if option == "--volume":
        outside, inside = value.split(":")[:2]
        volumes[inside] = outside
    else:
        assert (option, value) == ("--workdir", "/linux"), option
image, *rest = rest
assert image == "acceptlab"
def outside(word):
    for inside, path in volumes.items():
        if word == inside or word.startswith(inside + "/"):
            return path + word[len(inside):]
    return word
os.chdir(volumes["/linux"])
sys.exit(subprocess.run([{python!r}, {script!r}, *map(outside, rest)]).returncode)
"""
"""`docker run` with the command in a process of this machine, its paths those outside of the container."""


@dataclass(frozen=True)
class Runner:
    """A machine of a CI service: its environment, and what its container engine was called with."""

    environment: dict[str, str]
    log: Path
    report: Path
    summary: Path

    def sh(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a template."""
        return subprocess.run(
            ["sh", "-eu", "-c", line], env=self.environment | more, cwd=self.report.parent,
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def runner(acceptlab: Command, tmp_path: Path, tree: Tree, spec: Path) -> Runner:
    script = tmp_path / "in_the_container.py"
    script.write_text(
        _ACCEPTLAB.format(
            imports=str(CHECKOUT / "setup" / "import"),
            checkout=str(CHECKOUT),
            folder=str(tmp_path),
            python=sys.executable,
        )
    )
    (tree.path / "series.toml").write_text(spec.read_text())
    folder = tmp_path / "bin"
    folder.mkdir()
    docker = folder / "docker"
    log = tmp_path / "docker.log"
    docker.write_text(_DOCKER.format(python=REAL_PYTHON, log=str(log), script=str(script)))
    docker.chmod(0o755)
    environment = os.environ | WHO | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "ACCEPTLAB_TREE": str(tree.path),
        "ACCEPTLAB_CACHE": str(tmp_path / "kept"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_ACTION_PATH": str(CI),
    }  # fmt: skip
    return Runner(environment, log, tmp_path / "acceptlab-report", tmp_path / "summary.md")


OPTIONS = "--spec /linux/series.toml --platform snp"


def github_line() -> str:
    """Return the shell line of the action."""
    action = yaml.safe_load((CI / "action.yml").read_text())
    [line] = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    return str(line)


def gitlab_line() -> str:
    """Return the last line of the job, which checks; those before it fetch acceptlab and build its image."""
    job: dict[str, Any] = yaml.safe_load((CI / "gitlab.yml").read_text())["acceptlab"]
    assert job["artifacts"]["reports"]["junit"] == "acceptlab-report/check.xml"
    line = str(job["script"][-1])
    assert line.startswith("/tmp/acceptlab/data/ci/check.sh ")
    return line.replace("/tmp/acceptlab", str(CHECKOUT))


def on_github(runner: Runner, last: str) -> subprocess.CompletedProcess[str]:
    return runner.sh(github_line(), ACCEPTLAB_OPTIONS=OPTIONS, ACCEPTLAB_SERIES=f"base..{last}")


def on_gitlab(runner: Runner, last: str) -> subprocess.CompletedProcess[str]:
    return runner.sh(
        gitlab_line(), ACCEPTLAB_OPTIONS=OPTIONS, CI_MERGE_REQUEST_DIFF_BASE_SHA="base", CI_COMMIT_SHA=last,
    )  # fmt: skip


@pytest.mark.parametrize("service", [on_github, on_gitlab])
def test_a_clean_range_leaves_all_forms(
    runner: Runner, tree: Tree, service: Callable[[Runner, str], subprocess.CompletedProcess[str]]
) -> None:
    last = tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    done = service(runner, last)
    check = json.loads((runner.report / "check.json").read_text())
    assert done.returncode == check["exit_code"], done.stderr
    assert [patch["subject"] for patch in check["patches"]] == ["init: Return two"]
    assert done.stdout == (runner.report / "check.ktap").read_text()
    assert done.stdout.startswith("KTAP version 1\n1..1\n")
    ElementTree.parse(runner.report / "check.xml")
    text = (runner.report / "check.txt").read_text()
    assert runner.summary.read_text() == f"```\n{text}```\n"


def test_a_problem_is_the_job_s_failure_and_is_in_the_report(runner: Runner, tree: Tree) -> None:
    spare = "int spare;\n\n\treturn order;"
    last = tree.change("mm/page_alloc.c", "return order;", spare, "mm: Keep a spare")
    done = on_github(runner, last)
    assert done.returncode == 1, done.stderr
    assert "not ok 1 mm: Keep a spare" in done.stdout
    assert "unused variable" in (runner.report / "check.txt").read_text()
    suite = ElementTree.parse(runner.report / "check.xml").getroot()[0]
    assert int(suite.attrib["failures"]) >= 1


def test_what_could_not_be_checked_leaves_no_report(runner: Runner) -> None:
    done = on_github(runner, "no-such-commit")
    assert done.returncode == 2
    assert "no-such-commit" in done.stderr
    assert list(runner.report.iterdir()) == []
    assert len(runner.log.read_text().splitlines()) == 1


def test_a_cache_with_a_blank_in_its_name_is_refused(runner: Runner) -> None:
    done = runner.sh(f"{CI}/check.sh base..HEAD", ACCEPTLAB_CACHE=f"{runner.report}/a b")
    assert done.returncode == 2
    assert "must not have a blank" in done.stderr


def test_the_tree_is_read_only_and_the_image_keeps_its_emulator(runner: Runner, tree: Tree) -> None:
    on_github(runner, "no-such-commit")
    [call] = runner.log.read_text().splitlines()
    assert f"--volume {tree.path}:/linux:ro" in call
    mounted = [word.rpartition(":")[2] for word in call.split() if "/root/.cache/acceptlab" in word]
    assert "/root/.cache/acceptlab/trees" in mounted
    assert not {"/root/.cache/acceptlab", "/root/.cache/acceptlab/emulator"} & set(mounted)


def test_the_action_passes_on_what_is_given() -> None:
    """A pull request's names never become part of a shell line."""
    action = yaml.safe_load((CI / "action.yml").read_text())
    used = {one for step in action["runs"]["steps"] for one in step.get("env", {}).values()}
    assert used == {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
    assert "${{" not in github_line()
