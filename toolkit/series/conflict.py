# SPDX-License-Identifier: GPL-2.0-only
"""Why a patch does not apply, where git itself can tell: by trying again what `git am` has options for, on the index alone."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.series.git import GitError, git
from acceptlab.toolkit.series.message import Message

_BINARY = re.compile(
    r"^error: cannot apply binary patch to '(?P<file>.*)' without full index line$", re.MULTILINE
)
_INDEX = re.compile(rb"^index ([0-9a-f]{7,64})\.\.", re.MULTILINE)
_MOST_BLOBS = 64


def reason(tree: Path, patch: Message, said: str) -> str:
    """Return why a patch does not apply to the index of a tree and what takes it, as half a sentence with its semicolon; else ""."""
    binary = _BINARY.search(said)
    if binary:
        return f"the mail has no data for the binary file {shown(binary['file'])}: ask for git format-patch --binary; "
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as name:
        file = Path(name) / "patch"
        file.write_bytes(patch.patch)
        if _applies(tree, file, "-p0"):
            return (
                "its paths lack the a/ and b/ prefixes (diff.noprefix, or diff run by hand): ask for a patch with them, or give "
                "--range after git am -p0; "
            )
        if _applies(tree, file, "--ignore-whitespace"):
            return (
                "a mailer changed its whitespace (tabs to spaces): get the original (b4 am, an attachment); "
                "git am --ignore-whitespace applies it, but the added lines stay damaged; "
            )
    missing = _unknown_blob(tree, patch)
    if missing:
        return f"it was made for another version of a file (blob {missing}, which the base does not have); "
    return ""


def _applies(tree: Path, file: Path, option: str) -> bool:
    try:
        git(tree, "apply", "--check", "--cached", option, str(file))
    except GitError:
        return False
    return True


def _unknown_blob(tree: Path, patch: Message) -> str:
    """Return the first file content that the patch was made for and the repository does not have, "" when it has them all."""
    for found in list(_INDEX.finditer(patch.patch, 0, 1 << 20))[:_MOST_BLOBS]:
        blob = found[1].decode()
        if set(blob) == {"0"}:
            continue
        try:
            git(tree, "cat-file", "-e", blob)
        except GitError:
            return blob
    return ""
