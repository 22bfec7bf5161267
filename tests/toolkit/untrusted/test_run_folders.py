# SPDX-License-Identifier: GPL-2.0-only
"""A run folder, a spec or a profile of a stranger: one clear line, bounded memory, and nothing of the reader's overwritten."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.analysis import exit_codes
from acceptlab.toolkit.places import CHECKOUT

_MAIN = """
import resource, sys
from acceptlab.analysis import report  # the libraries, before the limit
from acceptlab.toolkit.cli.app import main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), -1))
main()
"""


def acceptlab(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command with 1 GiB of memory, and fail where it hangs."""
    return subprocess.run(
        [sys.executable, "-c", _MAIN, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT / "setup" / "import")},
        capture_output=True,
        check=False,
        timeout=120,
    )


def error_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the one line that bad input ended in; what comes before it is progress."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == exit_codes.BAD_INPUT, lines
    assert [line for line in lines if not line.endswith("...")] == lines[-1:]
    return lines[-1]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shutil.copytree(CHECKOUT / "traces" / "snp-lazy", tmp_path / "run")
    return tmp_path / "run"


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def bound_socket(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize("name", ["run.json", "events.parquet", "console.log"])
@pytest.mark.parametrize("kind", [fifo, device, bound_socket, folder])
def test_a_file_that_is_no_regular_file_ends_in_one_line(
    run: Path, name: str, kind: Callable[[Path], None]
) -> None:
    kind(run / name)
    done = acceptlab("replay", run)
    line = error_line(done)
    assert f"{run / name} is not a regular file" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "nested too deep"),
        ('{"format": ' + "9" * 5000 + "}", "a number is too long"),
        ("[" + "[]," * (11 << 20) + "[]]", "larger than 32 MiB"),
        ('{"format": 1e999}', "run.json"),
        ("\x00", "damaged"),
    ],
    ids=["deep", "long-number", "large", "infinite", "nul"],
)
def test_a_hostile_run_json_ends_in_one_line(run: Path, text: str, words: str) -> None:
    (run / "run.json").write_text(text)
    done = acceptlab("replay", run)
    line = error_line(done)
    assert words in line


def test_a_run_json_that_is_not_utf_8_is_named(run: Path) -> None:
    (run / "run.json").write_bytes(b'{"\xff": 1}')
    done = acceptlab("replay", run)
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"run.json is not UTF-8 (byte 2)" in done.stderr


def test_a_console_of_one_line_is_read_in_bounded_memory(run: Path) -> None:
    with (run / "console.log").open("ab") as file:
        file.truncate(16 << 20)
    done = acceptlab("replay", run)
    assert done.returncode == exit_codes.CLEAN, done.stderr


def test_a_console_without_end_is_refused(run: Path) -> None:
    with (run / "console.log").open("ab") as file:
        file.truncate(1 << 40)
    done = acceptlab("replay", run)
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"console.log is larger than 256 MiB" in done.stderr


@pytest.mark.parametrize("text", ["a = " + "[" * 200_000, "a = " + "9" * 5000, "a = 9999-99-99"])
@pytest.mark.parametrize("command", [("matrix",), ("estimate", "traces/snp-lazy", "--profile")])
def test_a_hostile_toml_file_ends_in_one_line(
    tmp_path: Path, command: tuple[str, ...], text: str
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(text)
    words = [str(CHECKOUT / word) if "/" in word else word for word in command]
    done = acceptlab(*words, spec)
    line = error_line(done)
    assert "spec.toml" in line


@pytest.mark.parametrize("kind", [fifo, device])
def test_a_spec_that_never_ends_is_not_read(tmp_path: Path, kind: Callable[[Path], None]) -> None:
    kind(tmp_path / "spec.toml")
    done = acceptlab("matrix", tmp_path / "spec.toml")
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"is not a regular file" in done.stderr


@pytest.mark.parametrize("kernel", ["/dev/zero", "fifo"])
def test_the_kernel_that_run_json_names_is_read_only_where_it_is_a_regular_file(
    run: Path, kernel: str
) -> None:
    fifo(run / "fifo")
    about = json.loads((run / "run.json").read_text())
    about["kernel"] |= {"path": str(run / kernel), "vmlinux": str(run / kernel)}
    (run / "run.json").write_text(json.dumps(about))
    assert acceptlab("replay", run).returncode == exit_codes.CLEAN


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("command", "lock"),
    [(("run", "debian:6.12", "--out"), ".running"), (("matrix", "SPEC", "--out"), ".matrix")],
)
def test_a_link_in_place_of_a_lock_leaves_its_target_whole(
    tmp_path: Path, command: tuple[str, ...], lock: str
) -> None:
    precious, out = tmp_path / "precious", tmp_path / "out"
    precious.write_text("a year's work")
    out.mkdir()
    (out / lock).symlink_to(precious)
    spec = CHECKOUT / "data" / "sweeps" / "small.toml"
    done = acceptlab(*(str(spec) if word == "SPEC" else word for word in command), out)
    assert precious.read_text() == "a year's work"
    assert done.returncode == exit_codes.BAD_INPUT, done.stderr
    assert f"{out / lock} is not a regular file".encode() in done.stderr


ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e"


def test_a_terminal_s_escapes_in_a_run_are_shown_not_obeyed(run: Path) -> None:
    about = json.loads((run / "run.json").read_text())
    about["kernel"]["version"] = about["outcome_reason"] = about["reproduce"] = ESCAPE
    (run / "run.json").write_text(json.dumps(about))
    renamed = run.with_name("run" + ESCAPE)
    run.rename(renamed)
    with (renamed / "console.log").open("a") as file:
        file.write(f"[    1.000000] WARNING: CPU: 0 PID: 1 at mm/{ESCAPE}.c:1\n")
    for words in (
        ("replay", renamed),
        ("report", renamed),
        ("report", "--format", "markdown", renamed),
        ("report", "--format", "html", renamed, "--out", run.with_name("page.html")),
        ("report", renamed, "--out", run.with_name("report.txt")),
        ("replay", renamed, "--why"),
        ("metadata", renamed),
    ):
        done = acceptlab(*words)
        shown = (done.stdout + done.stderr).decode()
        assert not set(ESCAPE) & {"\x1b", "\x07", "\u202e"} & set(shown), words
    assert "\\x1b]0;owned\\x07\\x1b[2J\\u202e" in acceptlab("replay", renamed).stdout.decode()
    assert not set("\x1b\x07\u202e") & set(run.with_name("report.txt").read_text())
    assert "\x1b" not in run.with_name("page.html").read_text()
