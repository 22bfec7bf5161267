# SPDX-License-Identifier: GPL-2.0-only
"""bcc: Debian's python3-bpfcc, found outside our own Python environment, and the headers that it compiles against.

The module is plain Python around libbcc (ctypes), so that any Python 3 can import it; only this one package of Debian's folder
is made visible, nothing else there.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import MachineError

PACKAGE = "python3-bpfcc"
HEADERS = Path(__file__).with_name("headers")
"""The little of a kernel's headers that our programs need (see its README); the same for every kernel."""
_DIST_PACKAGES = ("/usr/lib/python3/dist-packages",)
"""Where Debian's Python packages lie (Debian Python Policy 2.5)."""


def find() -> importlib.machinery.ModuleSpec | None:
    """Return where bcc is, None when it is not installed."""
    return importlib.machinery.PathFinder.find_spec("bcc", [*sys.path, *_DIST_PACKAGES])


def load() -> Any:
    """Import bcc and return the module. Raises MachineError when it is not there or cannot be used."""
    if "bcc" in sys.modules:
        return sys.modules["bcc"]
    spec = find()
    if spec is None or spec.loader is None:
        raise MachineError(
            f"bcc is missing: apt-get install --no-install-recommends {PACKAGE} (collecting by eBPF needs it)"
        )
    # bcc looks for the running kernel's headers unless their path is given.
    os.environ["BCC_KERNEL_SOURCE"] = str(HEADERS)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError) as error:
        del sys.modules["bcc"]
        raise MachineError(f"bcc cannot be loaded ({error}): reinstall {PACKAGE}") from error
    return module
