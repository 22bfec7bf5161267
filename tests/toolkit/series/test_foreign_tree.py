# SPDX-License-Identifier: GPL-2.0-only
"""A git tree of another user, such as one that is mounted into a container, can be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels import own_tree
from acceptlab.toolkit.series import git


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit that git takes for another user's."""
    tree = tmp_path / "linux"
    tree.mkdir()
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (
        ("init", "-q"),
        (*identity, "commit", "-q", "--allow-empty", "-m", "first"),
    ):
        subprocess.run(["git", "-C", tree, *words], check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own, for its tests
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    refused = subprocess.run(
        ["git", "-C", tree, "log"], capture_output=True, text=True, check=False
    )
    assert "dubious ownership" in refused.stderr
    return tree


def test_a_series_reads_it(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = git.environment()
    monkeypatch.setattr(
        git, "environment", lambda *_: plain | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    )
    with pytest.raises(git.GitError, match="dubious ownership"):
        git.git(foreign, "rev-parse", "HEAD")
    assert len(git.read_line(foreign, "rev-parse", "HEAD")) == 40


def test_a_kernel_s_commit_is_known(foreign: Path) -> None:
    assert len(own_tree._commit(foreign)) == 12
