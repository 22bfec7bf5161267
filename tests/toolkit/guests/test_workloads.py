# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import pytest

from toolkit.errors import BadInputError
from toolkit.guests.sizes import parse_size
from toolkit.guests.workloads import parse_workload, workload_options


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
    ],
)
def test_options(text: str, option: str) -> None:
    assert parse_workload(text).option == option


@pytest.mark.parametrize(
    "text",
    ["", "touch", "touch:", "touch:0", "touch:lots", "processes:all", "processes:0", "processes:-1",
     "idle:x", "stress:1G", "touch:1G x"],
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
