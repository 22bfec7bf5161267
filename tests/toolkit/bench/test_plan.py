# SPDX-License-Identifier: GPL-2.0-only
"""What a comparison of kernels runs, and how kernels are named in it."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.series.bench import Plan, Subject, subjects_of


def test_every_kernel_platform_and_seed_is_run_and_nothing_else_differs() -> None:
    options = RunOptions("x", memory="2G", append="quiet")
    plan = Plan("t", subjects_of(["a=x", "y"]), ["snp", "tdx"], [1, 2], ["accepts"], options)
    runs = plan.runs()
    assert [(s.name, o.kernel, o.platform, o.seed) for s, o in runs] == [
        (name, kernel, platform, seed)
        for name, kernel in (("a", "x"), ("y", "y"))
        for platform in ("snp", "tdx")
        for seed in (1, 2)
    ]
    assert {(o.memory, o.append) for _, o in runs} == {("2G", "quiet")}


def test_kernels_are_named_as_the_user_said_or_by_what_they_are() -> None:
    assert subjects_of(["debian:6.12", "mine=/b/bzImage", "/b/other"]) == [
        Subject("debian:6.12", "debian:6.12"), Subject("mine", "/b/bzImage"), Subject("other", "/b/other"),
    ]  # fmt: skip


@pytest.mark.parametrize("texts", [["/a/bzImage", "/b/bzImage"], ["a="], ["=b"], ["x=a", "x=b"]])
def test_names_that_do_not_tell_kernels_apart_are_refused(texts: list[str]) -> None:
    with pytest.raises(BadInputError):
        subjects_of(texts)
