# SPDX-License-Identifier: GPL-2.0-only
"""One patch as a mail: git's own mailinfo says what is subject, message and patch; the subject's brackets say where it stands."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as EmailMail
from email.parser import BytesHeaderParser
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.series.git import GitError, git_outside

NO_SUBJECT = "(no subject)"
_MOST_HEADER = 1 << 20
"""Bytes in which a mail's header has to end; what lies behind is no header."""
_MOST_TEXT = 16 << 20
_MOST_LINE = 64 << 10
"""Bytes of a mail, and of a line, that are decoded: a character that needs four bytes makes each of the others as large."""
_MOST_LINES = 400
"""Lines of a hunk that are kept; what is longer is cut, with a line that says so."""
_TAG = re.compile(r"\s*\[([^\[\]]*)\]")
_PLACE = re.compile(r"(?<![^\s,])(\d{1,4})/(\d{1,4})(?![^\s,])")
_LOOSE_PLACE = re.compile(r"\((\d{1,4})/(\d{1,4})\)\s*$|^\s*(\d{1,4})/(\d{1,4})[:\s]")
_VERSION = re.compile(r"(?:(?<![^\s,])|(?<=PATCH)|(?<=RFC))v(\d{1,4})(?=$|[\s,.])", re.IGNORECASE)
_REPLY = re.compile(
    r"^\s*(re|fwd?|aw|antw|wg|sv|ynt|odp|回复|答复|转发|回覆|轉寄)"
    r"\s*([\[(]\d+[\])])?\s*[:：]",
    re.IGNORECASE,
)
_WORD_BEFORE_PATCH = re.compile(r"^\s*[^\s\[\]:：]{1,16}\s?[:：]\s*\[[^\]]*PATCH", re.IGNORECASE)
"""A reply in a language that we do not know: a word and a colon before [PATCH]."""
_OF_A_PATCH = re.compile(r"PATCH|RFC|\d/\d")
"""Brackets behind which a subject is the patch's own."""
_DIFF = re.compile(rb"^(diff --git \S|--- \S|diff -|Index: )", re.MULTILINE)
_BASE = re.compile(rb"^base-commit: ([0-9a-f]{40,64})\s*$", re.MULTILINE)
_NO_PATCH = "No valid patches in input"
_GIT_HEADER = re.compile(
    r'^diff --git (?:"?[^/ ]+/.*?"? "[^/ ]+/(?P<quoted>.*)"|[^/ ]+/.* [^/ ]+/(?P<plain>.*))$'
)
_NEW_FILE = re.compile(r'^\+\+\+ (?:"[^/ ]+/(?P<quoted>.*)"|[^/ ]+/(?P<plain>[^\t]+))(?:\t.*)?$')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_HUNK = re.compile(r"^@@ -(?P<start>\d+)(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")


@dataclass(frozen=True)
class Message:
    """A mail of a series. `number` of `total` as its subject counts, None where it does not.

    `subject` is the one that git commits, fit to be shown. `body` and `patch` are what git commits and applies.
    """

    raw: bytes = field(repr=False)
    file: str
    subject: str
    number: int | None
    total: int | None
    is_reply: bool
    has_diff: bool
    body: bytes = field(default=b"", repr=False)
    patch: bytes = field(default=b"", repr=False)
    version: int = 1
    """N of [PATCH vN]."""
    loose: tuple[int, int] | None = None
    """n and m of a subject that counts outside its brackets, as `mm: do it (1/3)`; a hint, no more."""
    id: str = ""
    """Message-ID, and `answers` the one of In-Reply-To; "" where the mail has none."""
    answers: str = ""
    is_mail: bool = True
    """Whether it has an author or a subject; a plain diff has neither."""
    damage: str = ""
    """git's words on a patch that it cannot read."""
    as_it_is: bool = False
    """Whether the subject has no brackets but its own: a commit of a user's tree rather than a mail."""

    @property
    def text(self) -> str:
        """Return the mail's text: the commit's message, and the patch with all before and behind it; 16 MiB of it at most."""
        return (self.body[:_MOST_TEXT] + self.patch[:_MOST_TEXT])[:_MOST_TEXT].decode(
            errors="replace"
        )

    @property
    def base_commit(self) -> str:
        """Return the commit that the mail names as the base of its series, "" when it names none."""
        found = _BASE.search(self.body) or _BASE.search(self.patch)
        return found[1].decode() if found else ""

    @property
    def is_flowed(self) -> bool:
        """Return whether its mailer was free to join and break lines (RFC 3676)."""
        return "flowed" in _headers(self.raw).get("Content-Type", "").lower()


@dataclass(frozen=True)
class Hunk:
    """One hunk of a patch: the file, its first line in the old file, its `@@` line, and the whole of it."""

    file: str
    start: int
    header: str
    text: str


def read_message(raw: bytes, file: str, as_it_is: bool = False) -> Message:
    """Read one mail, or one file that git format-patch wrote; `as_it_is` when by -k, which adds no brackets."""
    mail = _headers(raw)
    whole = _subject_of(mail)
    info, body, patch = _mailinfo(raw, as_it_is)
    answer = is_reply(whole)
    tags, rest = _tags_of(whole[max(whole.find("["), 0) :] if answer else whole)
    number, total = (None, None) if as_it_is else _place(tags)
    versions = [int(found) for tag in tags for found in _VERSION.findall(tag)]
    has_diff, damage = _checked(patch)
    return Message(
        raw, shown(file), shown(info.get("Subject", "")) or NO_SUBJECT,
        number, total,
        answer, has_diff, body, patch,
        versions[-1] if versions and not as_it_is else 1, _loose(rest),
        str(mail.get("Message-ID", "")).strip(), str(mail.get("In-Reply-To", "")).strip(),
        "Subject" in info or "Email" in info, damage, as_it_is,
    )  # fmt: skip


def is_reply(subject: str) -> bool:
    """Tell by its subject whether a mail answers or forwards another: `Re:` in any language, behind a list's brackets or not."""
    rest = subject
    while True:
        if _REPLY.match(rest) or _WORD_BEFORE_PATCH.match(rest):
            return True
        tag = _TAG.match(rest)
        if not tag or _OF_A_PATCH.search(tag[1]):
            return False
        rest = rest[tag.end() :]


def _tags_of(subject: str) -> tuple[list[str], str]:
    """Return what stands in the brackets before a subject, and the rest."""
    tags, rest = [], subject
    while tag := _TAG.match(rest):
        tags.append(tag[1])
        rest = rest[tag.end() :]
    return tags, rest


def _place(tags: Iterable[str]) -> tuple[int, int] | tuple[None, None]:
    """Return the last n/m of the brackets; 6.1/5.15 is none, as it counts no patches."""
    found = [(int(n), int(m)) for tag in tags for n, m in _PLACE.findall(tag) if int(n) <= int(m)]
    return found[-1] if found else (None, None)


def _loose(rest: str) -> tuple[int, int] | None:
    found = _LOOSE_PLACE.search(rest)
    if not found:
        return None
    n, m = (int(one) for one in found.groups() if one is not None)
    return (n, m) if n <= m else None


def _mailinfo(raw: bytes, as_it_is: bool) -> tuple[dict[str, str], bytes, bytes]:
    """Return what git takes a mail for: its fields (Author, Email, Subject, Date), the message, the patch.

    A mail that git refuses has nothing of these.
    """
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as name:
        folder = Path(name)
        mail = folder / "mail"
        mail.write_bytes(raw)
        keep = ["-k"] if as_it_is else []
        try:
            told = git_outside(folder, "mailinfo", *keep, "message", "patch", stdin=mail)
        except GitError:
            return {}, b"", b""
        fields = (line.partition(": ") for line in told.split("\n"))
        info = {name: value for name, colon, value in fields if colon}
        return info, (folder / "message").read_bytes(), (folder / "patch").read_bytes()


def _checked(patch: bytes) -> tuple[bool, str]:
    """Return whether git finds a diff in a patch, and give its words when that diff is damaged."""
    if not _DIFF.search(patch):
        return False, ""
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as name:
        file = Path(name) / "patch"
        file.write_bytes(patch)
        try:
            git_outside(
                file.parent, "apply", "--numstat", "--whitespace=nowarn", "patch", quiet=True
            )
        except GitError as error:
            if _NO_PATCH in error.output or "unrecognized input" in error.output:
                return False, ""
            return True, shown(error.line)
    return True, ""


def _headers(raw: bytes) -> EmailMail:
    """Return a mail's header, without a look at what it holds."""
    start = raw.find(b"\n", 0, _MOST_HEADER) + 1 if raw.startswith(b"From ") else 0
    head = raw[start : start + _MOST_HEADER]
    end = re.search(rb"\r?\n\r?\n", head)
    return BytesHeaderParser().parsebytes(head[: end.end()] if end else head)


def _subject_of(mail: EmailMail) -> str:
    raw = str(mail.get("Subject", ""))
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, HeaderParseError):
        text = raw
    return " ".join(text.split())


def lines_of(patch: bytes | str) -> Iterator[str]:
    """Return the lines of a patch without their ends; only the line feed ends one, as for git."""
    if isinstance(patch, str):
        patch = patch.encode(errors="surrogateescape")
    at = 0
    while at < len(patch):
        end = patch.find(b"\n", at)
        end = len(patch) if end < 0 else end
        yield patch[at : min(end, at + _MOST_LINE)].decode(errors="replace")
        at = end + 1


def hunks(patch: bytes | str) -> Iterator[Hunk]:
    """Return every hunk of a patch, in order; each is as long as its `@@` line says, so that no signature gets into it."""
    file = ""
    lines = lines_of(patch)
    for line in lines:
        hunk = _HUNK.match(line)
        if hunk:
            body = _body(lines, int(hunk["old"] or 1), int(hunk["new"] or 1))
            yield Hunk(file, int(hunk["start"]), line, "\n".join([line, *body]))
        else:
            file = _file_of(line) or file


def _body(lines: Iterator[str], old: int, new: int) -> list[str]:
    """Take a hunk's lines: `old` of the file before, `new` of the file after; fewer if the text ends before."""
    kept: list[str] = []
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            break
        if len(kept) < _MOST_LINES:
            kept.append(line)
        elif len(kept) == _MOST_LINES:
            kept.append("[...]")
        old -= line[:1] not in ("+", "\\")
        new -= line[:1] not in ("-", "\\")
    return kept


def files_of(patch: bytes | str) -> list[str]:
    """Return the files that a patch touches, each once, in order."""
    found: dict[str, None] = {}
    for line in lines_of(patch):
        file = _file_of(line)
        if file:
            found[file] = None
    return list(found)


def _file_of(line: str) -> str:
    """Return the file that a line of a patch names as the new one, "" when it names none."""
    match = _GIT_HEADER.match(line) or _NEW_FILE.match(line)
    if not match:
        return ""
    return match["plain"] if match["quoted"] is None else _unquoted(match["quoted"])


def _unquoted(name: str) -> str:
    """Undo git's quoting of a file's name (git-config, core.quotePath)."""
    raw = bytearray()
    at = 0
    for escape in _ESCAPE.finditer(name):
        raw += name[at : escape.start()].encode(errors="replace")
        word = escape[1]
        code = int(word, 8) & 0xFF if len(word) == 3 else _LETTERS.get(word, ord(word) & 0xFF)
        raw.append(code)
        at = escape.end()
    raw += name[at:].encode(errors="replace")
    return raw.decode(errors="replace")
