# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest.workloads import (
    SAME,
    from_anywhere,
    parse_workload,
    start_of_second,
    workload_options,
)
from acceptlab.toolkit.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("touch:64M", "acceptlab.workload=touch:67108864"),
        ("touch:all", "acceptlab.workload=touch:all"),
        ("tmpfs:1G", "acceptlab.workload=tmpfs:1073741824"),
        ("huge:2M", "acceptlab.workload=huge:2097152"),
        ("processes:200", "acceptlab.workload=processes:200"),
        ("idle", "acceptlab.workload=idle:0"),
        ("idle:3", "acceptlab.workload=idle:3"),
        ("ftrace", "acceptlab.workload=ftrace"),
        ("stats", "acceptlab.workload=stats"),
        ("kcore", "acceptlab.workload=kcore"),
        ("devmem", "acceptlab.workload=devmem"),
        ("breakpoint", "acceptlab.workload=breakpoint"),
        ("together:1G", "acceptlab.workload=together:1073741824"),
        ("plugged:1G", "acceptlab.workload=plugged:1073741824"),
        ("unplugged", "acceptlab.workload=unplugged"),
        ("online", "acceptlab.workload=online"),
        ("offline", "acceptlab.workload=offline"),
        ("kexec", "acceptlab.workload=kexec"),
        ("kdump:debian:6.12", "acceptlab.workload=kdump"),
    ],
)
def test_options(text: str, option: str) -> None:
    assert parse_workload(text).option == option


@pytest.mark.parametrize(
    "text",
    ["", "touch", "touch:", "touch:0", "touch:lots", "processes:all", "processes:0", "processes:-1",
     "idle:x", "stress:1G", "touch:1G x", "ftrace:1", "ftrace:", "stats:1", "kcore:1", "kexec:", "vmcore:", "vmcore:0",
     "plugged", "plugged:all", "unplugged:1G"],
)  # fmt: skip
def test_errors_are_one_line(text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_workload(text)
    assert "workload" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_order_is_kept() -> None:
    assert workload_options(["idle", "touch:all", "idle"]) == [
        "acceptlab.workload=idle:0",
        "acceptlab.workload=touch:all",
        "acceptlab.workload=idle:0",
    ]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["kexec", "kexec"], "more than one kexec or kdump"),
        (["kdump", "idle", "kexec:debian:6.1"], "more than one kexec or kdump"),
        (["vmcore"], "requires 'kdump' before it"),
        (["vmcore", "kdump"], "requires 'kdump' before it"),
        (["kexec", "vmcore"], "requires 'kdump' before it"),
    ],
)
def test_what_does_not_go_together(texts: list[str], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        workload_options(texts)


def test_the_second_kernel_is_the_same_or_the_one_that_is_named() -> None:
    assert start_of_second(["idle"]) is None
    for texts, name, kernel in (
        (["idle", "kexec", "idle"], "kexec", SAME),
        (["kdump:debian:6.12", "vmcore"], "kdump", "debian:6.12"),
    ):
        start = start_of_second(texts)
        assert start is not None
        assert (start.name, start.kernel) == (name, kernel)


def test_only_the_path_of_a_kernel_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bzImage").touch()
    monkeypatch.chdir(tmp_path)
    assert from_anywhere("kexec:bzImage") == f"kexec:{tmp_path}/bzImage"
    for text in ("kexec", "kexec:debian:6.12", "touch:64M"):
        assert from_anywhere(text) == text


def test_too_many() -> None:
    with pytest.raises(BadInputError, match="at most 16"):
        workload_options(["idle"] * 17)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("4096", 4096), ("4k", 4096), ("2M", 2 << 20), ("16G", 16 << 30), ("1T", 1 << 40),
     ("0x1000", 4096), ("3GiB", 3 << 30), ("512MB", 512 << 20)],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "1.5G", "-1G", "1 G", "1P", "ten", "0x"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(BadInputError, match=r"memory: .* is not a size"):
        parse_size(text, what="memory")
