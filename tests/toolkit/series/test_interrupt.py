# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C in the middle of a build or a check: no process, no kernel, and the next one goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.places import CHECKOUT, IMPORTS
from tests.toolkit.matrix.test_make import alive
from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes

_MAIN = """
import signal, sys
from pathlib import Path
from tests.toolkit import toy
from acceptlab.toolkit.cli.app import main
from acceptlab.toolkit.qemu import emulator_build
signal.signal(signal.SIGINT, signal.default_int_handler)
emulator = toy.make_emulator(Path(sys.argv.pop(1)), "userspace")
emulator_build.ensure = lambda: emulator
main()
"""


def test_ctrl_c_leaves_nothing_and_breaks_nothing(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path, own_cache: Path
) -> None:
    tree.change(
        "Makefile",
        "\t@echo '  CC      $*.o'; ",
        "\t@touch $(O)/started; sleep 60; ",
        "Makefile: Take time",
    )
    tree.patches(spec.parent)
    interrupted_once_it_compiles(own_cache, "build", str(spec.parent))
    assert alive(tmp_path) == []
    assert store.list_all() == []
    tree.change("Makefile", "sleep 60; ", "echo '  CC      $*.o'; ", "Makefile: Take none")
    tree.patches(spec.parent)
    code, _, err = acceptlab("series", "build", str(spec.parent))
    assert code == 0, err


def test_a_check_goes_on_where_it_was_interrupted(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path, own_cache: Path
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    slow = f"\t@test ! -e {hold} || {{ touch $(O)/started; sleep 60; }}; echo '  CC      $*.o'; "
    tree.change("Makefile", "\t@echo '  CC      $*.o'; ", slow, "Makefile: Take time")
    tree.change("kernel/fork.c", "return 1;", "return 3;", "kernel: Fork three times")
    tree.patches(spec.parent)
    interrupted_once_it_compiles(own_cache, "check", str(spec.parent), "--platform", "tdx")
    assert alive(tmp_path) == []
    assert [kernel.name for kernel in store.list_all()] == ["toy@1", "toy@2", "toy@base"]
    hold.unlink()
    code, out, err = acceptlab("series", "check", str(spec.parent), "--platform", "tdx", "--json")
    assert code in (0, 1), err
    assert [patch["number"] for patch in json.loads(out)["patches"]] == [1, 2, 3]
    assert "building toy ..." in err
    assert "building toy@" not in err


def interrupted_once_it_compiles(own_cache: Path, *words: str) -> None:
    """Run a command on a series until its build says that it has begun, then press Ctrl-C."""
    real = os.path.realpath(f"/proc/{os.getpid()}/exe")
    process = subprocess.Popen(
        [real, "-c", _MAIN, str(own_cache), "series", *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(IMPORTS), str(CHECKOUT), *filter(None, sys.path)])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 400
    while not list(own_cache.glob("acceptlab/trees/*/objects-*/started")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "acceptlab: interrupted"
