# SPDX-License-Identifier: GPL-2.0-only
"""What compilers say: parsed, kept by target, and told apart as new or old."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.kernels.diagnostics import (
    Diagnostic,
    by_target,
    first_errors,
    from_json,
    new_ones,
    read_line,
    to_json,
)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/src/mm/a.c:10:5: warning: unused variable ‘x’ [-Wunused-variable]",
         Diagnostic("mm/a.c", 10, "warning", "unused variable ‘x’", "-Wunused-variable")),
        ("mm/a.c:10:5: error: ‘y’ undeclared (first use in this function)",
         Diagnostic("mm/a.c", 10, "error", "‘y’ undeclared (first use in this function)")),
        ("mm/a.c:1:10: fatal error: no.h: No such file or directory",
         Diagnostic("mm/a.c", 1, "error", "no.h: No such file or directory")),
        ("/src/mm/a.c:66:14: warning: symbol 'f' was not declared. Should it be static?",
         Diagnostic("mm/a.c", 66, "warning", "symbol 'f' was not declared. Should it be static?")),
        ("vmlinux.o: warning: objtool: f+0x1: no frame",
         Diagnostic("vmlinux.o", 0, "warning", "objtool: f+0x1: no frame")),
        ("ld: mm/a.o: in function `f': a.c:(.text+0x5): undefined reference to `g'",
         Diagnostic("mm/a.o", 0, "error", "undefined reference to `g'")),
        ("  CC      mm/a.o", None),
        ("mm/a.c: In function ‘f’:", None),
        ("mm/a.c:10:5: note: declared here", None),
    ],
)  # fmt: skip
def test_a_line(line: str, said: Diagnostic | None) -> None:
    assert read_line(line, "/src") == said


def test_messages_belong_to_the_target_before_them() -> None:
    lines = ["  CC      mm/a.o", "mm/a.c:1:1: warning: one", "  CC      mm/b.o", "  AR      mm/built-in.a",
             "mm/b.h:1:1: warning: two"]  # fmt: skip
    assert [(target, said.text) for target, said in by_target(lines, "")] == [
        ("mm/a.o", "one"),
        ("mm/b.o", "two"),
    ]


def test_a_build_that_ends_without_a_compiler_s_word_has_make_s() -> None:
    assert "No rule to make" in first_errors(
        ["make[1]: *** No rule to make target 'x'.  Stop."], ""
    )


MESSAGES = st.lists(
    st.builds(
        Diagnostic,
        st.sampled_from(["a.c", "b.c"]),
        st.integers(0, 99),
        st.just("warning"),
        st.sampled_from("xyz"),
    ),
    max_size=8,
)


@given(MESSAGES, MESSAGES)
def test_new_ones_are_what_is_said_more_often_than_before(
    now: list[Diagnostic], before: list[Diagnostic]
) -> None:
    fresh = new_ones(now, before)
    for file in ("a.c", "b.c"):
        for text in "xyz":
            more = count(now, file, text) - count(before, file, text)
            assert count(fresh, file, text) == max(more, 0)


def count(said: list[Diagnostic], file: str, text: str) -> int:
    return len([one for one in said if (one.file, one.text) == (file, text)])


@given(MESSAGES)
def test_a_warning_that_moved_is_old(said: list[Diagnostic]) -> None:
    moved = [Diagnostic(one.file, one.line + 7, one.kind, one.text, one.flag) for one in said]
    assert new_ones(moved, said) == []
    assert from_json(to_json(said)) == said


@given(st.text(max_size=80))
def test_any_line_is_read(line: str) -> None:
    read_line(line, "/src")
