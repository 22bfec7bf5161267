# SPDX-License-Identifier: GPL-2.0-only
"""Run git, with nothing of its user's configuration: the result of a series must not depend on the user."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import AcceptlabError, MachineError

Identity = tuple[str, str]
"""A name and a mail address."""
NOBODY = ("acceptlab", "acceptlab@localhost")


class GitError(AcceptlabError):
    """git refused; `output` is all that it wrote, `line` the first line with its reason, fit to be shown."""

    def __init__(self, words: tuple[str, ...], output: str) -> None:
        lines = [line.strip() for line in output.split("\n") if line.strip()]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
        self.line = shown(told or (lines or ["no output"])[-1])
        verb = next((word for word in words if word != "-c" and "=" not in word), "")
        super().__init__(f"git {verb} failed: {self.line}")
        self.output = output


def environment(identity: Identity = NOBODY) -> dict[str, str]:
    """Return the environment in which git runs: no configuration but the repository's, no hooks' leftovers, fixed committer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": identity[0],
        "GIT_AUTHOR_EMAIL": identity[1],
        "GIT_COMMITTER_NAME": identity[0],
        "GIT_COMMITTER_EMAIL": identity[1],
    }


def git(folder: Path, *words: str, identity: Identity = NOBODY) -> str:
    """Run git in a folder, as `identity`, and return what it printed.

    Raises GitError when it fails, MachineError when there is none.
    """
    return _run(folder, words, environment(identity), Path(os.devnull))


def git_outside(
    folder: Path, *words: str, stdin: Path = Path(os.devnull), quiet: bool = False
) -> str:
    """Run git as `git` does, on files of a folder in no repository, wherever that folder lies; `quiet` drops what it prints."""
    told = environment() | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
    return _run(folder, words, told, stdin, subprocess.DEVNULL if quiet else subprocess.PIPE)


def _run(
    folder: Path,
    words: tuple[str, ...],
    told: dict[str, str],
    stdin: Path,
    out: int = subprocess.PIPE,
) -> str:
    return _printed(folder, words, told, stdin, out).decode(errors="replace")


def _printed(
    folder: Path,
    words: tuple[str, ...],
    told: dict[str, str],
    stdin: Path,
    out: int = subprocess.PIPE,
) -> bytes:
    try:
        with stdin.open("rb") as file:
            done = subprocess.run(
                ["git", *words], cwd=folder, env=told, stdin=file, stdout=out, stderr=subprocess.PIPE, check=False,
            )  # fmt: skip
    except NotADirectoryError:
        raise GitError(words, f"fatal: {folder} is not a folder") from None
    except FileNotFoundError:
        if not folder.is_dir():
            raise GitError(words, f"fatal: no folder {folder}") from None
        raise MachineError("git is not installed: apt-get install git") from None
    if done.returncode != 0:
        raise GitError(words, (done.stderr + (done.stdout or b"")).decode(errors="replace"))
    return done.stdout or b""


_READING = (
    "safe.directory=*", "core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false",
    "protocol.allow=never",
)  # fmt: skip
"""For a repository that may be another user's: read it, and run nothing that its configuration names (git-config,
safe.directory)."""


def read_line(folder: Path, *words: str) -> str:
    """Run git on a repository of a user's, whoever owns it, to read, and return the line that it printed."""
    options = [word for one in _READING for word in ("-c", one)]
    told = environment() | {"GIT_OPTIONAL_LOCKS": "0"}
    # What it prints is often a path, which need not be UTF-8.
    return os.fsdecode(_printed(folder, (*options, *words), told, Path(os.devnull))).strip()


def git_line(folder: Path, *words: str) -> str:
    """Run git and return the one line that it printed."""
    return git(folder, *words).strip()


def add_worktree(repository: Path, tree: Path, commit: str, *words: str) -> None:
    """Make `tree` a detached worktree at a commit; `words` are more words for `git worktree add`. Those that are gone are forgotten.

    The caller holds the lock of the repository. Raises GitError.
    """
    git(repository, "worktree", "prune")
    git(repository, "worktree", "add", "--quiet", "--detach", *words, str(tree), commit)


def user(tree: Path | None = None) -> Identity:
    """Return who the user is by the git configuration of `tree`, a folder, which is theirs where that says nothing; NOBODY if neither does."""
    told = []
    for key in ("user.name", "user.email"):
        done = subprocess.run(
            ["git", "config", "--get", key], cwd=tree, capture_output=True, text=True, check=False
        )
        told.append(done.stdout.strip())
    return (told[0], told[1]) if all(told) else NOBODY
