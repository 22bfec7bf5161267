# SPDX-License-Identifier: GPL-2.0-only
"""Whatever keeps us from collecting is one line and exit code 3."""

from __future__ import annotations

import importlib.machinery
from pathlib import Path

import pytest

from acceptlab.toolkit.collect import bcc_library, permission
from acceptlab.toolkit.errors import MachineError
from tests.toolkit.command_line import invoke


@pytest.fixture
def all_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pretend that nothing is missing."""
    for name in ("_BPF", "_UPROBES", "_KPROBES"):
        monkeypatch.setattr(permission, name, tmp_path)
    monkeypatch.setattr(permission, "_LOCKDOWN", tmp_path / "none")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(bcc_library, "find", lambda: importlib.machinery.ModuleSpec("bcc", None))


def test_nothing_missing_is_no_error(all_well: None) -> None:
    permission.check_uprobes()
    permission.check_kprobes()


@pytest.mark.parametrize(
    ("target", "value", "said"),
    [
        ("acceptlab.toolkit.collect.permission._BPF", Path("/no/such"), "CONFIG_BPF_SYSCALL"),
        ("os.geteuid", lambda: 1000, "sudo"),
        ("acceptlab.toolkit.collect.permission.lockdown", lambda: "confidentiality", "locked down"),
        ("acceptlab.toolkit.collect.bcc_library.find", lambda: None, "apt-get install --no-install-recommends python3-bpfcc"),
        ("acceptlab.toolkit.collect.permission._UPROBES", Path("/no/such"), "CONFIG_UPROBE_EVENTS"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(
    all_well: None, monkeypatch: pytest.MonkeyPatch, target: str, value: object, said: str
) -> None:
    monkeypatch.setattr(target, value)
    with pytest.raises(MachineError, match=said) as raised:
        permission.check_uprobes()
    assert raised.value.exit_code == 3


def test_lockdown_is_read_as_the_kernel_writes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lockdown").write_text("none integrity [confidentiality]\n")
    monkeypatch.setattr(permission, "_LOCKDOWN", tmp_path / "lockdown")
    assert permission.lockdown() == "confidentiality"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to collect from"),
        (["--emulator", "1", "--", "debian:6.12"], "nothing to collect from"),
        (["--emulator", "1", "--buffer", "3000"], "power of two"),
        (["--emulator", "1"], "process 1 is not an acceptlab emulator"),
        (["--emulator", "no-such-run"], "no running emulator writes to no-such-run"),
    ],
)
def test_wrong_usage(all_well: None, words: list[str], said: str) -> None:
    done = invoke(["collect", *words])
    assert said in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == 2
