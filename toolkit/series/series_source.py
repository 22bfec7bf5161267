# SPDX-License-Identifier: GPL-2.0-only
"""A series, wherever it comes from: a folder of ours, a directory of patches, an mbox, or a range of a user's own tree."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.git import GitError, git, git_line
from acceptlab.toolkit.series.message import Message, ordered, read_message
from acceptlab.toolkit.series.series_spec import FILE, GitBase, Spec, read_spec

_COVER = "cover-letter.txt"
"""A cover letter as plain text: the subject, an empty line, the rest. `0000-cover-letter.patch`, a mail, will do as well."""


@dataclass(frozen=True)
class Series:
    """Patches in order, and what their spec says. `cover` is None where the source has no cover letter."""

    spec: Spec
    patches: tuple[Message, ...]
    cover: Message | None
    origin: str
    """What the user named."""

    @property
    def name(self) -> str:
        """Return the name of the series, which its kernels get too."""
        return self.spec.name

    def digest(self) -> str:
        """Return one word for the patches' content and order."""
        whole = hashlib.sha256()
        for patch in self.patches:
            whole.update(hashlib.sha256(patch.raw).digest())
        return whole.hexdigest()[:16]


def read_series(path: Path, spec: Path | None) -> Series:
    """Read a folder of ours, a directory of patches or an mbox.

    `spec` is a series.toml that stands in for the source's own; a source that has none needs it. Raises BadInputError.
    """
    if path.is_file() and path.name == FILE:
        path = path.parent
    _check_there(path)
    told = read_spec(_spec_file(path, spec))
    messages, cover = read_patches(path)
    return Series(told, tuple(messages), cover, str(path))


def read_patches(path: Path) -> tuple[list[Message], Message | None]:
    """Read only the patches of a folder or an mbox, in order, and the cover letter; raises BadInputError when there is none."""
    _check_there(path)
    messages, cover = _of_folder(path) if path.is_dir() else _of_mbox(path)
    if not messages:
        raise BadInputError(f"{path} holds no patch")
    return messages, cover


def _check_there(path: Path) -> None:
    if not path.exists():
        raise BadInputError(
            f"no series {path}: give a folder with {FILE}, a directory of patches, or an mbox"
        )


def read_range(tree: Path, commits: str, spec: Path | None) -> Series:
    """Read the commits A..B of a user's own repository, which is only read; by itself A is the base.

    `spec` tells the configuration, and the base too when its base is no git tree of the user's.
    """
    first, dots, last = commits.partition("..")
    if not dots or not first or last.startswith(".") or first.startswith("-"):
        raise BadInputError(f"--range {commits!r}: give two commits, A..B")
    if spec is None:
        raise BadInputError(
            "--range needs --spec FILE, a series.toml that tells how to configure the kernel"
        )
    told = read_spec(spec)
    try:
        start = git_line(tree, "rev-parse", "--verify", "--quiet", f"{first}^{{commit}}")
        end = git_line(tree, "rev-parse", "--verify", "--quiet", f"{last or 'HEAD'}^{{commit}}")
        merges = git_line(tree, "rev-list", "--merges", "--max-count=1", f"{start}..{end}")
        mails = _mails_of(tree, start, end) if not merges else []
    except (GitError, OSError):
        raise BadInputError(f"{tree} is no git repository that has {commits}") from None
    if merges:
        raise BadInputError(
            f"{commits} holds a merge ({merges[:12]}): a series is a line of commits"
        )
    if not mails:
        raise BadInputError(f"{commits} holds no commit")
    return Series(
        replace(told, base=GitBase(tree.resolve(), start)), tuple(mails), None, f"{tree} {commits}"
    )


def _mails_of(tree: Path, start: str, end: str) -> list[Message]:
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as folder:
        git(
            tree, "format-patch", "--quiet", "--no-signature", "--no-cover-letter", "--full-index", "--binary",
            "--zero-commit", "--output-directory", folder, f"{start}..{end}",
        )  # fmt: skip
        return [
            read_message(path.read_bytes(), path.name) for path in sorted(Path(folder).iterdir())
        ]


def _spec_file(path: Path, spec: Path | None) -> Path:
    if spec is not None:
        return spec / FILE if spec.is_dir() else spec
    own = path / FILE
    if path.is_dir() and own.is_file():
        return own
    raise BadInputError(
        f"{path} has no {FILE}: give --spec FILE, one that tells base and configuration"
    )


def _of_folder(folder: Path) -> tuple[list[Message], Message | None]:
    """A folder's patches are in the order of their names, as git format-patch gives them."""
    files = sorted(
        path for path in folder.iterdir() if path.suffix in (".patch", ".eml") and path.is_file()
    )
    if not files:
        boxes = sorted(path for path in folder.iterdir() if path.suffix in (".mbox", ".mbx"))
        if len(boxes) == 1:
            return _of_mbox(boxes[0])
    messages = [read_message(path.read_bytes(), path.name) for path in files]
    for message in messages:
        if not message.has_diff and message.number != 0:
            raise BadInputError(f"{folder / message.file} is no patch: it changes nothing")
    cover = next((message for message in messages if not message.has_diff), None)
    text = folder / _COVER
    if cover is None and text.is_file():
        cover = read_message(b"Subject: " + text.read_bytes(), text.name)
    return [message for message in messages if message.has_diff], cover


def _of_mbox(path: Path) -> tuple[list[Message], Message | None]:
    messages = _split(path)
    return ordered(messages, str(path))


def _split(path: Path) -> Sequence[Message]:
    """Split an mbox as git does, so that what we read is what `git am` would take."""
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as folder:
        escaped = _is_mboxrd(path)
        try:
            git(
                Path(folder),
                "mailsplit",
                *(["--mboxrd"] if escaped else []),
                f"-o{folder}",
                "--",
                str(path.resolve()),
            )
        except GitError:
            raise BadInputError(
                f"{path} is no mbox: `b4 am` writes one, and `git format-patch --stdout`"
            ) from None
        names = sorted(entry for entry in Path(folder).iterdir())
        return [
            read_message(entry.read_bytes(), f"{path.name}#{int(entry.name)}") for entry in names
        ]


def _is_mboxrd(path: Path) -> bool:
    """Tell whether the file escapes `From ` lines as mboxrd does; its first line says so where b4 or a list archive wrote it."""
    with path.open("rb") as file:
        return re.match(rb"From mboxrd@", file.readline(200)) is not None
