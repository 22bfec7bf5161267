# SPDX-License-Identifier: GPL-2.0-only
"""One patch as a mail: its subject, its place in a series, and the hunks that it holds."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as EmailMail

from acceptlab.toolkit.errors import BadInputError

_TAGS = re.compile(r"^(?:\s*\[[^\]]*\])+\s*")
_PLACE = re.compile(r"\b(\d{1,4})/(\d{1,4})\b")
_REPLY = re.compile(r"^\s*(re|fwd?|aw)\s*:", re.IGNORECASE)
_FILE_HEADER = re.compile(r"^(?:diff --git a/.* b/(?P<git>.*)|\+\+\+ b/(?P<plain>\S+)(?:\t.*)?)$")
_DIFF = re.compile(r"^(diff --git a/|--- \S)", re.MULTILINE)
_HUNK = re.compile(r"^@@ -(?P<start>\d+)(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")


@dataclass(frozen=True)
class Message:
    """A mail of a series. `number` of `total` as its subject counts, None where it does not."""

    raw: bytes = field(repr=False)
    file: str
    subject: str
    number: int | None
    total: int | None
    is_reply: bool
    has_diff: bool

    @property
    def text(self) -> str:
        """Return the mail's body as text."""
        return body_of(self.raw)


@dataclass(frozen=True)
class Hunk:
    """One hunk of a patch: the file, its first line in the old file, its `@@` line, and the whole of it."""

    file: str
    start: int
    header: str
    text: str


def read_message(raw: bytes, file: str) -> Message:
    """Read one mail, or one file that git format-patch wrote."""
    header = raw.split(b"\n", 1)[1] if raw.startswith(b"From ") and b"\n" in raw else raw
    mail = _parsed(header)
    whole = _subject_of(mail)
    tags = _TAGS.match(whole)
    place = _PLACE.search(tags[0]) if tags else None
    body = body_of(header)
    return Message(
        raw, file, _TAGS.sub("", whole) or "(no subject)",
        int(place[1]) if place else None, int(place[2]) if place else None,
        bool(_REPLY.match(whole)), bool(_DIFF.search(body)),
    )  # fmt: skip


def ordered(messages: Sequence[Message], where: str) -> tuple[list[Message], Message | None]:
    """Return the patches of a mailbox in the order that their subjects tell, and the cover letter.

    Replies are left out. Raises BadInputError when a patch is missing or there twice.
    """
    first_hand = [message for message in messages if not message.is_reply]
    patches = [message for message in first_hand if message.has_diff]
    cover = next((one for one in first_hand if not one.has_diff and one.number == 0), None)
    counted = [patch for patch in patches if patch.number is not None]
    if len(counted) < len(patches):
        if counted and len(patches) > 1:
            odd = next(patch for patch in patches if patch.number is None)
            raise BadInputError(
                f"{where}: only some patches are counted as n/m; {odd.subject!r} is not"
            )
        return patches, cover
    patches.sort(key=lambda patch: patch.number or 0)
    numbers = [patch.number or 0 for patch in patches]
    total = max([patch.total or 0 for patch in patches], default=0)
    twice = [number for number in set(numbers) if numbers.count(number) > 1]
    if twice:
        raise BadInputError(
            f"{where} holds patch {min(twice)}/{total} twice: one version of one series is wanted"
        )
    missing = [number for number in range(1, total + 1) if number not in numbers]
    if missing:
        raise BadInputError(f"{where} lacks patch {missing[0]}/{total}")
    return patches, cover


def hunks(text: str) -> Iterator[Hunk]:
    """Return every hunk of a patch, in order; each is as long as its `@@` line says, so that no signature gets into it."""
    file = ""
    lines = iter(text.splitlines())
    for line in lines:
        header, hunk = _FILE_HEADER.match(line), _HUNK.match(line)
        if header:
            file = header["git"] or header["plain"]
        elif hunk:
            body = list(_body(lines, int(hunk["old"] or 1), int(hunk["new"] or 1)))
            yield Hunk(file, int(hunk["start"]), line, "\n".join([line, *body]))


def _body(lines: Iterator[str], old: int, new: int) -> Iterator[str]:
    """Take a hunk's lines: `old` of the file before, `new` of the file after; fewer if the text ends before."""
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            return
        yield line
        old -= line[:1] not in ("+", "\\")
        new -= line[:1] not in ("-", "\\")


def files_of(text: str) -> list[str]:
    """Return the files that a patch touches, each once, in order."""
    found = (_FILE_HEADER.match(line) for line in text.splitlines())
    return list(dict.fromkeys(match["git"] or match["plain"] for match in found if match))


def body_of(raw: bytes) -> str:
    """Return a mail's text with its transfer encoding undone; an awkward mail is taken as it stands."""
    mail = _parsed(raw)
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload:
                return _decoded(payload, part.get_content_charset() or "utf-8")
    return raw.decode(errors="replace")


def _subject_of(mail: EmailMail) -> str:
    raw = str(mail.get("Subject", ""))
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, HeaderParseError):
        text = raw
    return " ".join(text.split())


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, errors="replace")
    except LookupError:
        return payload.decode(errors="replace")


def _parsed(raw: bytes) -> EmailMail:
    return email.message_from_bytes(raw)
