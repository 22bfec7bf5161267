# SPDX-License-Identifier: GPL-2.0-only
"""Wrapped shell lines against a shell."""

from __future__ import annotations

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.report.shell_line import shell_lines
from tests.examples import examples

WORDS = st.lists(
    st.text(st.characters(codec="ascii", exclude_characters="\0\r\n"), min_size=1, max_size=120)
    | st.text("abc/-.", min_size=1, max_size=200),
    min_size=1,
    max_size=12,
)


@examples()
@given(WORDS)
def test_a_shell_reads_the_same_words(words: list[str]) -> None:
    lines = shell_lines(shlex.join(["printf", r"%s\0", *words]))
    said = subprocess.run(
        ["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert said.stdout.split("\0")[:-1] == words


@given(st.lists(st.text("abc/-.", min_size=1, max_size=200), min_size=1, max_size=12))
def test_words_without_quotes_fit(words: list[str]) -> None:
    assert max(map(len, shell_lines(" ".join(words)))) <= 72


def test_a_quote_that_is_never_closed_is_left_alone() -> None:
    assert shell_lines("echo 'a b") == ["  echo 'a b"]
