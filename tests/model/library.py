# SPDX-License-Identifier: GPL-2.0-only
"""The model as a shared library: built from this checkout, or the one that ACCEPTLAB_MODEL_LIBRARY names."""

from __future__ import annotations

import ctypes as ct
import os
import subprocess
from functools import cache
from pathlib import Path

from tests.model.structs import RmpEntry

HERE = Path(__file__).resolve().parent
VECTORS = sorted((HERE / "vectors").glob("test_*.py"))
"""The files of vectors, by sections of the specification."""
MODEL = HERE.parents[1] / "emulator" / "model"


def build_library(source: Path, out: Path, target: str = "all", cflags: str = "-O2 -g") -> Path:
    """Build the model in `source` with the test support into `out`; returns the library.

    Raises RuntimeError with the compiler's words if it does not build.
    """
    done = subprocess.run(
        [
            "make",
            "-s",
            "-C",
            str(source),
            f"BUILD={out}",
            f"EXTRA={HERE / 'support.c'}",
            f"CFLAGS={cflags}",
            target,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the model does not build:\n{done.stdout}{done.stderr}")
    suffix = "-sanitize" if target == "sanitize" else ""
    return out / f"libacceptlab-model{suffix}.so"


def declare(path: Path) -> ct.CDLL:
    """Load the library and give its functions that return more than an int their types."""
    lib = ct.CDLL(str(path))
    pointer, u64 = ct.c_void_p, ct.c_uint64
    for name in ("recorder_new", "support_snp_new", "support_tdx_new", "support_rmp_new",
                 "support_sept_new"):  # fmt: skip
        getattr(lib, name).restype = pointer
    for name in ("snp_vm_accepted_bytes", "tdx_vm_accepted_bytes", "tdx_vm_shared_bit",
                 "sept_sept_add", "sept_page_add", "sept_page_aug", "sept_range_block",
                 "sept_range_unblock", "sept_track", "sept_page_remove", "sept_page_demote",
                 "sept_page_promote", "sept_accept_next", "sept_release", "ghcb_scratch_bytes",
                 "snp_vm_bytes", "tdx_vm_bytes"):  # fmt: skip
        getattr(lib, name).restype = u64
    lib.snp_vm_rmp_entry.restype = RmpEntry
    lib.rmp_read.restype = RmpEntry
    lib.sept_state_name.restype = ct.c_char_p
    lib.recorder_new.argtypes = [u64]
    return lib


@cache
def library() -> ct.CDLL:
    """The model under test: ACCEPTLAB_MODEL_LIBRARY, or built from this checkout."""
    given = os.environ.get("ACCEPTLAB_MODEL_LIBRARY")
    if given:
        return declare(Path(given))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    out = HERE.parents[1] / "build" / "tests-model" / worker
    return declare(build_library(MODEL, out))
