# SPDX-License-Identifier: GPL-2.0-only
"""Mails as patches: subjects, order, hunks; and whatever bytes there are, no crash."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.apply import failed_hunk
from acceptlab.toolkit.series.message import Message, files_of, hunks, is_reply, read_message
from acceptlab.toolkit.series.order import ordered
from tests.examples import examples

PATCH = """\
From 1111 Mon Sep 17 00:00:00 2001
From: A <a@localhost>
Subject: [PATCH v3 2/7] =?utf-8?q?mm=3A_Accept_=C3=A4_page?=
 when it is wanted
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Because.
---
 mm/a.c | 2 +-

diff --git a/mm/a.c b/mm/a.c
index 1..2 100644
--- a/mm/a.c
+++ b/mm/a.c
@@ -10,2 +10,2 @@ int a(void)
 one
-two
+three
@@ -40 +40 @@
-x
+y
diff --git a/mm/b.c b/mm/b.c
new file mode 100644
--- /dev/null
+++ b/mm/b.c
@@ -0,0 +1 @@
+z
"""


def mail(subject: str, diff: bool = True) -> Message:
    body = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n" if diff else "words\n"
    return read_message(f"From: A <a@localhost>\nSubject: {subject}\n\n{body}".encode(), subject)


def test_a_patch_is_read() -> None:
    message = read_message(PATCH.encode(), "0002.patch")
    assert message.subject == "mm: Accept ä page when it is wanted"
    assert (message.number, message.total, message.has_diff, message.is_reply) == (
        2,
        7,
        True,
        False,
    )
    assert files_of(message.text) == ["mm/a.c", "mm/b.c"]
    assert [(hunk.file, hunk.start) for hunk in hunks(message.text)] == [
        ("mm/a.c", 10), ("mm/a.c", 40), ("mm/b.c", 0),
    ]  # fmt: skip


def test_git_s_words_lead_to_the_hunk() -> None:
    found = failed_hunk(
        "error: patch failed: mm/a.c:40\nerror: mm/a.c: patch does not apply", list(hunks(PATCH))
    )
    assert found is not None
    assert found.text == "@@ -40 +40 @@\n-x\n+y"


def test_a_plain_diff_has_times_behind_its_files() -> None:
    assert files_of(
        "--- a/mm/a.c\t2026-01-01 00:00\n+++ b/mm/a.c\t2026-01-01 00:01\n@@ -1 +1 @@\n"
    ) == ["mm/a.c"]


@examples(5)
@given(st.integers(1, 12), st.randoms())
def test_a_mailbox_in_any_order_is_put_in_order(total: int, chance: random.Random) -> None:
    mails = [mail(f"[PATCH RFC v2 {n}/{total}] x: Do {n}") for n in range(1, total + 1)]
    mails += [mail(f"[PATCH RFC v2 0/{total}] All", diff=False), mail("Re: [PATCH 1/1] x: Do 1")]
    chance.shuffle(mails)
    found = ordered(mails, "box")
    assert [patch.number for patch in found.patches] == list(range(1, total + 1))
    assert found.cover is not None and found.cover.subject == "All"


@pytest.mark.parametrize(
    ("subjects", "says"),
    [
        (["[PATCH 1/3] a", "[PATCH 3/3] c"], "lacks patch 2/3"),
        (["[PATCH 1/2] a", "[PATCH 1/2] a", "[PATCH 2/2] b"], "patch 1/2 twice"),
        (["[PATCH 1/2] a", "[PATCH 2/2] a", "[PATCH 3/3] b"], "of 2 and of one of 3"),
        (["[PATCH 1/2] a", "[PATCH] b"], "only some patches"),
    ],
)
def test_a_mailbox_that_is_no_series_is_refused(subjects: list[str], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        ordered([mail(subject) for subject in subjects], "box")


def test_a_subject_without_a_number_is_fine_for_one_patch() -> None:
    found = ordered([mail("[PATCH] mm: Do 3/4 of it")], "box")
    assert [patch.subject for patch in found.patches] == ["mm: Do 3/4 of it"]
    assert (found.cover, found.notes) == (None, [])


@given(st.binary(max_size=300))
def test_any_bytes_are_read(raw: bytes) -> None:
    message = read_message(raw, "x")
    assert message.subject
    list(hunks(message.text))


HEADERS = st.sampled_from(
    [b"Subject: ", b"Content-Type: multipart/mixed; boundary=x\n", b"\n", b"=?utf-8?b?", b"?=", b"--x\n",
     b"Content-Transfer-Encoding: base64\n", b"Content-Type: text/plain; charset=nope\n", b"diff --git a/ b/"]
)  # fmt: skip


@given(st.lists(st.one_of(HEADERS, st.binary(max_size=9)), max_size=12))
def test_any_mail_is_read(parts: list[bytes]) -> None:
    message = read_message(b"".join(parts), "x")
    assert len(message.subject.splitlines()) == 1
    files_of(message.text)


@pytest.mark.parametrize(
    ("subject", "number", "total", "version"),
    [
        ("[PATCH v6,1/3] x", 1, 3, 6), ("[RFC PATCHv3 02/10] x", 2, 10, 3), ("[v2,3/3] x", 3, 3, 2),
        ("[PATCH 6.1/5.15 2/3] x", 2, 3, 1), ("[PATCH 5.10/5.15] x", None, None, 1), ("[PATCH 1/2 6.5/6] x", 1, 2, 1), ("[PATCH V4 0/2] x", 0, 2, 4),
        ("[list] [PATCH RFC v2 1/2] x", 1, 2, 2), ("[PATCH 9/2] x", None, None, 1), ("[PATCH net-next v12 1/1] x", 1, 1, 12),
    ],
)  # fmt: skip
def test_brackets_count(subject: str, number: int | None, total: int | None, version: int) -> None:
    message = mail(subject)
    assert (message.number, message.total, message.version) == (number, total, version)


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("Re: [PATCH 1/2] x", True), ("RE: x", True), ("Antw: [PATCH] x", True), ("[list] Re: [PATCH] x", True),
        ("Re[2]: [PATCH] x", True), ("回复：[PATCH] x", True), ("Vastaus: [PATCH 1/2] x", True), ("Fwd: [PATCH] x", True),
        ("[PATCH] re: rename a thing", False), ("[PATCH 1/2] tr: x", False), ("ref: count twice", False),
        ("[RFC v2 1/2] aw: x", False), ("mm: accept", False),
    ],
)  # fmt: skip
def test_replies_in_any_language(subject: str, reply: bool) -> None:
    assert is_reply(subject) == reply


def test_quoted_names_and_other_prefixes() -> None:
    quoted = 'diff --git "a/mm/gr\\303\\274n.c" "b/mm/gr\\303\\274n.c"\n'
    assert files_of(quoted) == ["mm/grün.c"]
    assert files_of("diff --git i/mm/a b.c w/mm/a b.c\n--- i/mm/a b.c\t\n+++ w/mm/a b.c\t\n") == [
        "mm/a b.c"
    ]
