# SPDX-License-Identifier: GPL-2.0-only
"""Results of tests on a console: KTAP (Linux, Documentation/dev-tools/ktap.rst), and TAP, of which it is a form.

Other lines may stand between those of the tests, which printk() may give a level and a time. A subtest is indented, and its
results stand before the line of the test that it belongs to.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

from acceptlab.analysis.records import record

KUNIT_FILTER = "kunit.filter_glob="
"""The kernel's parameter that names the KUnit tests to run (Linux, lib/kunit/executor.c)."""

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

_SIGN = re.compile(r"ok \d|TAP version \d|1\.\.\d")
_BEFORE = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? |^<\d+>")
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")
_LINE = re.compile(
    r"(?P<indent> *)(?:(?P<no>not )?ok (?P<number>\d+)(?: -)?(?: (?P<name>.*))?|1\.\.(?P<plan>\d+)(?: #.*)?|K?(?P<version>TAP version \d+))"
)
_DIRECTIVE = re.compile(r"\s*# (?P<word>SKIP|TODO|XFAIL)\b:? ?(?P<why>.*)", re.IGNORECASE)


@record(frozen=True)
class KtapResult:
    """One test that has no subtests, or that failed though none of them did. ``name`` has those of the tests around it, joined by dots."""

    name: str
    outcome: str
    why: str = ""


@record(frozen=True)
class KtapResults:
    """All tests of a console. ``missing`` are those of a plan without a result."""

    results: tuple[KtapResult, ...] = ()
    missing: int = 0

    def count(self, outcome: str) -> int:
        """How many tests came to this outcome."""
        return sum(one.outcome == outcome for one in self.results)

    def sentence(self) -> str:
        """The counts in words."""
        counts = [f"{self.count(word)} {word}" for word in (PASSED, FAILED, SKIPPED)]
        missing = [f"{self.missing} without a result"] if self.missing else []
        return ", ".join([*counts, *missing])

    def to_json(self) -> dict[str, Any]:
        """The object in verdict.json."""
        return {
            PASSED: self.count(PASSED),
            FAILED: self.count(FAILED),
            SKIPPED: self.count(SKIPPED),
            "missing": self.missing,
            "results": [
                {"name": one.name, "outcome": one.outcome, "why": one.why} for one in self.results
            ],
        }


@record
class _Level:
    """Tests of one indentation: the plan, how many have a result, and results that wait for the name of the test around them."""

    planned: int | None = None
    seen: int = 0
    results: list[KtapResult] = field(default_factory=list)


class KtapReader:
    """Reads a console line by line; ``tests`` has what was found."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level] = {}
        self._done: list[KtapResult] = []
        self._missing = 0
        self._any = False

    def read(self, raw: str) -> None:
        """Look at the next line, with or without its end."""
        if not _SIGN.search(raw):
            return
        text = _BEFORE.sub("", _ESCAPES.sub("", raw).rstrip(), count=1)
        found = _LINE.fullmatch(text)
        if found is None:
            return
        depth = len(found["indent"])
        if found["version"]:
            self._begin(depth)
        elif not self._any:
            return  # what looks like a result, and is outside of tests
        elif found["plan"] is not None:
            self._levels.setdefault(depth, _Level()).planned = int(found["plan"])
        else:
            self._result(depth, found["no"] is not None, found["name"] or f"test {found['number']}")

    @property
    def tests(self) -> KtapResults | None:
        """What was found up to now; None: no tests."""
        if not self._any:
            return None
        return KtapResults(
            (*self._done, *self._left()), self._missing + sum(map(_missing, self._levels.values()))
        )

    def _left(self) -> list[KtapResult]:
        """Results whose outer test has none, in the order of the console."""
        return [one for depth in sorted(self._levels) for one in self._levels[depth].results]

    def _begin(self, depth: int) -> None:
        """Take the beginning of tests: of all of them, where nothing is indented."""
        self._any = True
        for one in [one for one in self._levels if one >= depth]:
            level = self._levels.pop(one)
            self._missing += _missing(level)
            self._done += level.results

    def _result(self, depth: int, failed: bool, text: str) -> None:
        directive = _DIRECTIVE.search(text)
        name = (text[: directive.start()] if directive else text).strip()
        word = directive["word"].upper() if directive else ""
        outcome = SKIPPED if word else FAILED if failed else PASSED
        inner: list[KtapResult] = []
        for one in sorted(one for one in self._levels if one > depth):
            below = self._levels.pop(one)
            self._missing += _missing(below)
            inner += below.results
        level = self._levels.setdefault(depth, _Level())
        level.seen += 1
        named = [KtapResult(f"{name}.{one.name}", one.outcome, one.why) for one in inner]
        if not inner or (outcome == FAILED and all(one.outcome != FAILED for one in inner)):
            named.append(KtapResult(name, outcome, directive["why"] if directive else ""))
        level.results += named


def _missing(level: _Level) -> int:
    return max(0, (level.planned or 0) - level.seen)
