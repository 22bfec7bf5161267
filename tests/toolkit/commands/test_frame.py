# SPDX-License-Identifier: GPL-2.0-only
"""The command's frame: version, help, and errors that end in one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab import toolkit
from acceptlab.analysis import exit_codes
from acceptlab.toolkit import errors, faults
from acceptlab.toolkit.cli import app as frame
from acceptlab.toolkit.cli.command_table import all_commands
from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.in_process import in_process


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "acceptlab.toolkit", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


Acceptlab = Callable[..., str]


@pytest.fixture
def acceptlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Acceptlab:
    """Return a function that runs the command in this process, where it does not end it: what it prints."""

    def call(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["acceptlab", *words])
        frame.main()
        return capsys.readouterr().out

    return call


def test_version_is_printed(acceptlab: Acceptlab) -> None:
    assert acceptlab("--version").split() == ["acceptlab", toolkit.__version__]


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_every_command_with_one_line(
    words: tuple[str, ...], acceptlab: Acceptlab
) -> None:
    shown = acceptlab(*words)
    for command in all_commands():
        assert f"  {command.name:<10}{command.help}\n" in shown


@pytest.mark.processes
def test_a_program_of_its_own_prints_the_version() -> None:
    assert program("--version").stdout.split() == ["acceptlab", toolkit.__version__]


def test_every_command_can_be_loaded() -> None:
    for command in all_commands():
        assert callable(command.load()) or command.load().registered_commands


@pytest.mark.processes
def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    """An import of all of them takes a second; `acceptlab --help` must not."""
    code = (
        "import sys; from acceptlab.toolkit.cli.app import app_for; app_for(['doctor']);"
        "print(*sorted(one for one in sys.modules if one.startswith('acceptlab.toolkit.cli.')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rsplit(".", 1)[1] for name in shown.stdout.split()}
    assert "doctor" in loaded
    assert not loaded & {"run", "replay", "matrix", "series"}


@pytest.mark.parametrize(
    ("old", "new"), [("fleet", "batch"), ("project", "estimate"), ("tracking", "metadata")]
)
def test_old_names_of_commands_are_still_taken(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = in_process(monkeypatch, capsys)(old, "--help")
    assert code == 0
    assert f"acceptlab {old} [OPTIONS]" in out
    assert f"Example: acceptlab {new}" in out


def test_unknown_command_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_process(monkeypatch, capsys)("no-such-command")[0] == errors.EXIT_BAD_INPUT


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.BadInputError("not\na kernel"), 2, "acceptlab: not a kernel\n"),
        (errors.MachineError("no ninja"), 3, "acceptlab: no ninja\n"),
        (OSError(errno.ENOSPC, "full", "/x"), 3, "acceptlab: disk full (/x)"),
    ],
)
def test_an_error_becomes_one_line_and_its_code(
    error: Exception,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raises(**_: object) -> None:
        raise error

    monkeypatch.setattr(frame, "app_for", lambda _: raises)
    monkeypatch.setattr("sys.argv", ["acceptlab", "doctor"])
    with pytest.raises(SystemExit) as ended:
        frame.main()
    printed = capsys.readouterr().err
    assert ended.value.code == code
    assert printed.startswith(text)
    assert printed.count("\n") == 1


def test_an_uncaught_exception_is_a_fault_of_ours_with_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def raises(**_: object) -> None:
        raise KeyError("nobody\nthought of this")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(frame, "app_for", lambda _: raises)
    monkeypatch.setattr("sys.argv", ["acceptlab", "doctor"])
    with pytest.raises(SystemExit) as ended:
        frame.main()
    printed = capsys.readouterr().err
    assert ended.value.code == errors.EXIT_FAULT == 5
    assert printed.count("\n") == 1 and "Traceback" not in printed
    (log,) = (tmp_path / "acceptlab" / "faults").iterdir()
    assert str(log) in printed
    assert "Traceback (most recent call last)" in log.read_text()
    assert "in raises" in log.read_text()


def test_a_fault_is_told_where_the_cache_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "acceptlab").touch()  # no folder can be made there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert f"the traceback is in {tmp_path}/acceptlab-" in faults.line_of(ValueError("x"))


def test_few_logs_of_faults_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "acceptlab" / "faults"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"20000101-000000-{number:02}.log").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = faults.line_of(ValueError("x"))
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == faults.KEPT
    assert names[-1] in told and "20000101-000000-00.log" not in names


@pytest.mark.processes
@pytest.mark.parametrize(
    ("run", "code"), [("snp-lazy", 0), ("snp-kexec-broken", 1), ("tdx-ftrace", 4)]
)
@pytest.mark.parametrize("merged", [False, True])
def test_the_exit_code_is_the_verdict_s_when_nobody_reads(
    run: str, code: int, merged: bool
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "acceptlab.toolkit", "replay", CHECKOUT / "traces" / run],
        stdout=writer, stderr=writer if merged else subprocess.PIPE, cwd=CHECKOUT, timeout=120, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == code
    assert merged or b"Error" not in done.stderr


@pytest.mark.parametrize(
    ("codes", "heaviest"),
    [([], 0), ([0, 4], 4), ([4, 1], 1), ([4, 3], 3), ([3, 2], 2), ([2, 1, 4], 1), ([1, 5], 5)],
)
def test_the_heaviest_of_several_exit_codes_counts(codes: list[int], heaviest: int) -> None:
    assert exit_codes.heaviest(codes) == heaviest


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "may"),
    [
        ((), ()),
        (("--help",), ()),
        (("--version",), ()),
        (("replay", "traces/snp-lazy"), ("numpy", "pyarrow")),
        (("replay", "--help"), ("rich", "typer")),
    ],
    ids=str,
)
def test_a_command_loads_only_what_it_takes(words: tuple[str, ...], may: tuple[str, ...]) -> None:
    """To load all of these takes a second of processor time."""
    heavy = {"typer", "rich", "numpy", "pyarrow", "pandas", "plotly", "elftools", "zstandard"}  # fmt: skip
    code = (
        "import sys, atexit\nfrom acceptlab.toolkit.cli.app import main\n"
        f"atexit.register(lambda: print(*sorted({heavy!r} & set(sys.modules)), file=sys.stderr))\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=CHECKOUT, check=True
    )  # fmt: skip
    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded <= set(may)


@pytest.mark.processes
def test_replay_without_options_is_the_same_as_with_them() -> None:
    """Without any it does without Typer."""
    plain = program("replay", str(CHECKOUT / "traces" / "snp-kexec-broken"))
    by_typer = program("replay", "--", str(CHECKOUT / "traces" / "snp-kexec-broken"))
    assert plain.stdout == by_typer.stdout != ""
    assert plain.returncode == by_typer.returncode == exit_codes.FINDINGS
    bad = program("replay", "no-such-run")
    assert bad.returncode == errors.EXIT_BAD_INPUT
    assert bad.stderr.splitlines()[-1].startswith("acceptlab: no-such-run is not a run folder")
    assert "Missing argument" in program("replay").stderr
