# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C in the middle of a build: no process, no kernel, and the next build works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.toolkit.matrix.test_make import alive
from tests.toolkit.series.conftest import Command, Tree
from toolkit.kernels import store
from toolkit.places import CHECKOUT

_MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from toolkit.commands.app import main; main()"


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
    real = os.path.realpath(f"/proc/{os.getpid()}/exe")
    process = subprocess.Popen(
        [real, "-c", _MAIN, "series", "build", str(spec.parent)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), *filter(None, sys.path)])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while not list(own_cache.glob("acceptlab/trees/*/objects-*/started")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "acceptlab: interrupted"
    assert alive(tmp_path) == []
    assert store.list_all() == []
    tree.change("Makefile", "sleep 60; ", "echo '  CC      $*.o'; ", "Makefile: Take none")
    tree.patches(spec.parent)
    code, _, err = acceptlab("series", "build", str(spec.parent))
    assert code == 0, err
