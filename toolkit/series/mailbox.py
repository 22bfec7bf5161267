# SPDX-License-Identifier: GPL-2.0-only
"""Files with mails: a mailbox, packed or not, a folder of mails, a quilt folder, a Maildir; split by git's own mailsplit."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shlex
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.git import GitError, git_outside
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.order import Ordered, damaged, ordered

COVER = "cover-letter.txt"
"""A cover letter as plain text: the subject, an empty line, the rest. `0000-cover-letter.patch`, a mail, works too."""
MOST_BYTES = 256 << 20
"""Bytes of a mailbox, unpacked: ten times the largest series that lists have seen (graphics drivers' register headers)."""
_MOST_MAILS = 5000
_QUILT = "series"
_MAILS = (".patch", ".eml")
_BOXES = (".mbox", ".mbx", ".mbox.gz", ".mbx.gz")
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_DESCRIPTION = re.compile(rb"\A(?:Description: *)?([^\n]+)")


def read_patches(path: Path, version: int | None = None) -> Ordered:
    """Read only the patches of a folder or a mailbox, in order, and the cover letter.

    `version` is the N of [PATCH vN] where a mailbox has several. Raises BadInputError when there is no patch.
    """
    check_there(path)
    try:
        found = _of_folder(path, version) if path.is_dir() else _of_box(path, version)
    except OSError as error:
        raise BadInputError(f"cannot read {shown(str(path))}: {error.strerror}") from None
    if not found.patches:
        raise BadInputError(f"{shown(str(path))} contains no patch")
    return found


def check_there(path: Path) -> None:
    """Raise BadInputError for a path at which nothing is."""
    if not os.path.lexists(path):
        raise BadInputError(
            f"no series {shown(str(path))}: give a folder with series.toml, a folder of patches, an mbox, or commits A..B"
        )


def _of_box(path: Path, version: int | None) -> Ordered:
    where = shown(str(path))
    return ordered([_as_mail(mail, where) for mail in split(path)], where, version)


def _as_mail(message: Message, where: str) -> Message:
    """Return a message that has an author or a subject; raise BadInputError for a plain diff, or no mail at all."""
    if message.is_mail:
        return message
    if message.has_diff:
        raise BadInputError(
            f"{where} is a plain diff without author and subject: commit it and give --range A..B, "
            "or export it with `git format-patch`"
        )
    raise BadInputError(
        f"{where} is not an mbox: create one with `b4 am` or `git format-patch --stdout`"
    )


def split(path: Path) -> list[Message]:
    """Split a mailbox as git does, so that what we read is what `git am` would take. A file without `From ` is one mail."""
    where = shown(str(path))
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as name:
        folder = Path(name)
        box = folder / "box"
        with _regular(path) as file, box.open("wb") as copy:
            _unpack(file, copy, where)
        (folder / "mails").mkdir()
        with box.open("rb") as file:
            # Its first line says that `From ` is escaped as mboxrd does, where b4 or a list archive wrote it.
            escaped = ["--mboxrd"] if file.readline(200).startswith(b"From mboxrd@") else []
        try:
            git_outside(folder, "mailsplit", *escaped, "-b", "-omails", "--", "box")
        except GitError:
            raise BadInputError(
                f"{where} is not an mbox: create one with `b4 am` or `git format-patch --stdout`"
            ) from None
        box.unlink()
        entries = sorted((folder / "mails").iterdir(), key=lambda entry: int(entry.name))
        if len(entries) > _MOST_MAILS:
            raise BadInputError(
                f"{where} contains {len(entries)} mails: give the mails of one series"
            )
        label = (
            [path.name]
            if len(entries) == 1
            else [f"{path.name}#{n + 1}" for n in range(len(entries))]
        )
        return [
            read_message(entry.read_bytes(), at) for entry, at in zip(entries, label, strict=True)
        ]


@contextlib.contextmanager
def _regular(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; raise BadInputError for a FIFO, a device or a socket, which may never end."""
    what = f"{shown(str(path))} is not a regular file: save the mails to a file first"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if os.path.exists(path) and not path.is_file():  # noqa: PTH110 (a socket cannot be opened)
            raise BadInputError(what) from None
        raise error from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadInputError(what)
        yield file


def _unpack(file: IO[bytes], copy: IO[bytes], where: str) -> None:
    """Copy a file, unpacked where gzip packed it; raise BadInputError where that is larger than any series."""
    packed = file.read(2) == _GZIP
    file.seek(0)
    source: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
    done = 0
    try:
        while piece := source.read(_PIECE):
            done += len(piece)
            if done > MOST_BYTES:
                raise BadInputError(
                    f"{where} is larger than {MOST_BYTES >> 20} MiB: give the mails of one series"
                )
            copy.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadInputError(f"{where} is a broken gzip file: fetch it again") from None


def _of_folder(folder: Path, version: int | None) -> Ordered:
    """Read a folder: quilt's by its `series`, a Maildir, mails by [n/m] and else by name; else its one mailbox."""
    if (folder / _QUILT).exists():
        return _with_cover(_of_quilt(folder), folder)
    files = [
        path
        for one in ("cur", "new")
        if (folder / one).is_dir()
        for path in sorted((folder / one).iterdir())
    ]
    files = files or [path for path in sorted(folder.iterdir()) if path.suffix in _MAILS]
    if not files:
        boxes = sorted(path for path in folder.iterdir() if path.name.endswith(_BOXES))
        if len(boxes) > 1:
            raise BadInputError(
                f"{shown(str(folder))} contains {len(boxes)} mailboxes: give one of them"
            )
        return _of_box(boxes[0], version) if boxes else Ordered([], None)
    messages = [_as_mail(one, shown(str(file))) for file in files for one in split(file)]
    for message in messages:
        if message.file.endswith(".patch") and not (
            message.has_diff or message.is_reply or message.number == 0
        ):
            raise BadInputError(
                f"{shown(str(folder))}/{message.file} is not a patch: it changes nothing"
            )
    return _with_cover(ordered(messages, shown(str(folder)), version, by_name=True), folder)


def _with_cover(found: Ordered, folder: Path) -> Ordered:
    text = folder / COVER
    if found.cover is not None or not text.is_file():
        return found
    return Ordered(found.patches, cover_in(text), found.notes)


def cover_in(file: Path) -> Message:
    """Read a cover letter: a mail, or plain text with the subject as its first line. Raises BadInputError."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInputError(f"no cover letter {shown(str(file))}: {error.strerror}") from None
    if not raw.strip():
        raise BadInputError(f"the cover letter {shown(str(file))} is empty")
    is_mail = raw.startswith((b"From ", b"From:", b"Subject:", b"Date:", b"Message-"))
    return read_message(raw if is_mail else b"Subject: " + raw.lstrip(), file.name)


def _of_quilt(folder: Path) -> Ordered:
    """Read the patches that quilt's `series` names; a plain diff gets a mail's header with its file's name as subject."""
    messages, made_up = [], 0
    for line in _quilt_lines(folder):
        path = _inside(folder, line)
        found = split(path)
        if len(found) != 1 or not found[0].has_diff:
            raise BadInputError(f"{shown(str(path))}, listed in {_QUILT}, is not a patch")
        made_up += not found[0].is_mail
        messages.append(found[0] if found[0].is_mail else _made_up(found[0]))
    for message in messages:
        if message.damage:
            raise BadInputError(damaged(message, shown(str(folder))))
    note = (
        f"{shown(str(folder))}: {made_up} of {len(messages)} patches are plain diffs without an author; the text before the "
        "diff, or the file name, becomes the subject"
    )
    return Ordered(messages, None, [note] if made_up else [])


def _quilt_lines(folder: Path) -> Iterator[str]:
    """Return the names in quilt's `series` (quilt(1), File Formats); raise BadInputError for a strip level other than 1."""
    with _regular(folder / _QUILT) as file:
        text = file.read(_PIECE).decode(errors="surrogateescape")
    for line in text.split("\n"):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split("#")[0].split()
        if not words:
            continue
        if [word for word in words[1:] if word not in ("-p1", "-pab", "-pa")]:
            raise BadInputError(
                f"{shown(str(folder))}/{_QUILT}: {shown(line.strip())}: paths must have a/ and b/ prefixes; "
                "run `quilt refresh -p ab`"
            )
        yield words[0]


def _inside(folder: Path, name: str) -> Path:
    """Return a file of a folder; raise BadInputError for a name that leads out of it, or to nothing."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(
            f"{shown(str(folder))}/{_QUILT} lists {shown(name)}, outside the folder"
        )
    if not path.exists():
        raise BadInputError(
            f"{shown(str(folder))}/{_QUILT} lists {shown(name)}, which does not exist"
        )
    return path


def _made_up(message: Message) -> Message:
    """Return a plain diff as a mail: the subject is its first line of text where it has one, else its file's name."""
    start = message.raw.find(b"\ndiff ")
    text = message.raw[:start] if start > 0 else b""
    found = _DESCRIPTION.match(text.strip())
    subject = (
        found[1].strip() if found and not found[1].startswith(b"---") else message.file.encode()
    )
    header = (
        b"From: acceptlab <acceptlab@localhost>\nDate: Thu, 1 Jan 1970 00:00:00 +0000\nSubject: "
        + subject
    )
    return read_message(header + b"\n\n---\n" + message.raw, message.file)
