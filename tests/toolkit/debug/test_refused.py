# SPDX-License-Identifier: GPL-2.0-only
"""What `acceptlab debug` refuses, in one line, before anything is booted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Kernel, RunInfo
from acceptlab.toolkit.debug import repeatable_run
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions

SHA, KEY = "5" * 64, "0123456789abcdef"


def info(**changed: Any) -> RunInfo:
    made = RunInfo(
        platform="snp",
        clock="instructions",
        outcome="userspace",
        kernel=Kernel(name="debian:6.12", version="6.12.1", sha256=SHA),
        emulator={"key": KEY},
        reproduce=RunOptions("debian:6.12", memory="1G").reproduce("debian:6.12"),
    )
    return replace(made, **changed)


@pytest.fixture(autouse=True)
def todays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's kernel and emulator are those of the run."""
    monkeypatch.setattr(
        repeatable_run,
        "resolve",
        lambda name: SimpleNamespace(sha256=SHA, version="6.12.1", name=name),
    )
    monkeypatch.setattr(repeatable_run.emulator_build, "ensure", lambda: SimpleNamespace(key=KEY))


def test_a_run_that_can_be_repeated(tmp_path: Path) -> None:
    again = repeatable_run.recorded(Run(tmp_path, info()))
    assert again.options == RunOptions("debian:6.12", memory="1G")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"source": "ebpf"}, "not recorded by the emulator"),
        ({"reproduce": ""}, "not recorded by the emulator"),
        ({"reproduce": "acceptlab run debian:6.12 --no-such"}, "--no-such is not an option"),
        (
            {"reproduce": "acceptlab run debian:6.12 --cpus many"},
            "no line that `acceptlab run` takes",
        ),
        ({"reproduce": "acceptlab run debian:6.12 --memory"}, "--memory lacks its value"),
        ({"reproduce": "acceptlab run"}, "no line that `acceptlab run` takes"),
        ({"reproduce": "sh -c 'echo"}, "no line that `acceptlab run` takes"),
        ({"clock": "ns"}, "not repeatable"),
        (
            {"kernel": Kernel(version="6.12.0", sha256="6" * 64)},
            "another kernel now (6.12.1, not 6.12.0",
        ),
        ({"emulator": {"key": "f" * 16}}, "another build of the emulator"),
    ],
)
def test_others_are_refused(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError) as refused:
        repeatable_run.recorded(Run(tmp_path, info(**changed)))
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("changed", ["initrd_sha256", "command_line"])
def test_another_guest_is_refused(tmp_path: Path, changed: str) -> None:
    ready: Any = SimpleNamespace(initrd=b"", command_line="quiet")
    repeatable_run.check_same_guest(Run(tmp_path, info(command_line="quiet")), ready)
    with pytest.raises(BadInputError, match="record the run again"):
        repeatable_run.check_same_guest(
            Run(tmp_path, info(**{"command_line": "quiet", changed: "another"})), ready
        )


@pytest.mark.parametrize(
    "options",
    [
        RunOptions("debian:6.12"),
        RunOptions(
            "debian:6.12", platform="tdx", memory="3G", cpus=2, kaslr=False, default_probes=False, holes=("0x40000000-0x50000000",),
            workloads=("touch:64M", "idle:1"), append="quiet loglevel=3", time_limit=1.5, seed=7,
        ),
    ],
)  # fmt: skip
def test_the_line_that_reproduces_a_run_is_read_back(options: RunOptions) -> None:
    assert RunOptions.of_line(options.reproduce("debian:6.12")) == options
