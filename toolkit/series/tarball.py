# SPDX-License-Identifier: GPL-2.0-only
"""A tarball as the one commit of a git repository, with no unpacked copy in between."""

from __future__ import annotations

import contextlib
import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.series.git import environment, git_line

BRANCH = "refs/heads/base"
_SHOW_EVERY = 500
"""Files between two looks at how far we are."""


def import_tarball(tarball: Path, repository: Path, message: str, step: Step) -> str:
    """Make the tarball's content, without its one top folder, a commit of a new branch, and return the commit.

    The same tarball and message give the same commit: author, committer and date are fixed. Raises BadInputError when the file
    is no whole tarball of one folder.
    """
    command = ["git", "-C", str(repository), "fast-import", "--quiet", "--done", "--depth=0"]
    with (
        tarball.open("rb") as file,
        subprocess.Popen(
            [*command[:3], "-c", "core.compression=1", *command[3:]],
            env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as importer,
    ):  # fmt: skip
        assert importer.stdin is not None and importer.stderr is not None
        try:
            _write(file, tarball, importer.stdin, message, step)
        except BrokenPipeError:
            pass  # git's own words follow
        except BaseException:
            importer.kill()
            raise
        finally:
            # What is still to be written has nowhere to go when git is gone.
            with contextlib.suppress(BrokenPipeError):
                importer.stdin.close()
        said = importer.stderr.read().decode(errors="replace")
    if importer.returncode != 0:
        raise full_disk.failure(
            said,
            repository,
            f"git could not import {tarball.name}: {(said.splitlines() or [''])[0]}",
        )
    return git_line(repository, "rev-parse", BRANCH)


def _write(file: IO[bytes], tarball: Path, out: IO[bytes], message: str, step: Step) -> None:
    text = message.encode()
    out.write(f"commit {BRANCH}\n".encode())
    out.write(b"committer acceptlab <acceptlab@localhost> 0 +0000\n")
    out.write(b"data %d\n%s\n" % (len(text), text))
    size, count, top = tarball.stat().st_size, 0, ""
    try:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            for entry in archive:
                parts = PurePosixPath(entry.name).parts
                top = top or (parts[0] if parts else "")
                if entry.isdir():
                    continue
                _check(parts, top, entry.name)
                _write_entry(archive, entry, "/".join(parts[1:]), out)
                count += 1
                if count % _SHOW_EVERY == 0:
                    step.update(file.tell(), size, f"{count:,} files")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise BadInputError(f"{tarball} is not a complete tarball: {error}") from None
    if count == 0:
        raise BadInputError(f"{tarball} contains no files")
    out.write(b"done\n")


def _check(parts: tuple[str, ...], top: str, name: str) -> None:
    unsafe = ".." in parts or name.startswith("/") or "\n" in name or '"' in name
    if unsafe or len(parts) < 2 or parts[0] != top:
        raise BadInputError(
            f"the tarball contains {name!r}; it must contain one folder with a source tree"
        )


def _write_entry(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str, out: IO[bytes]
) -> None:
    if entry.islnk():
        original = "/".join(PurePosixPath(entry.linkname).parts[1:])
        out.write(f"C {original} {path}\n".encode())
        return
    if entry.issym():
        mode, data = "120000", entry.linkname.encode()
    elif entry.isfile():
        mode = "100755" if entry.mode & 0o100 else "100644"
        content = archive.extractfile(entry)
        data = content.read() if content else b""
    else:
        return  # devices and the like: no kernel's source has them
    out.write(f"M {mode} inline {path}\ndata {len(data)}\n".encode())
    out.write(data)
    out.write(b"\n")
