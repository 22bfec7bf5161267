# SPDX-License-Identifier: GPL-2.0-only
"""Makes numpy and pyarrow start without what acceptlab never uses: a third of the processor time of a short command."""

from __future__ import annotations

import os
import sys

_CLOUD_FILE_SYSTEMS = ("pyarrow._s3fs", "pyarrow._gcsfs", "pyarrow._azurefs", "pyarrow._hdfs")
"""Optional parts that pyarrow/fs.py loads in a `try`. A run folder is a local folder."""


def start_lightly() -> None:
    """Prepare this process; to be called before numpy and pyarrow are imported.

    OpenBLAS starts a thread for each core when numpy is imported; nothing here does linear algebra. A value that the user has set
    stays. A name that is None in sys.modules raises ImportError when it is imported, and pyarrow then goes on without that part.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in _CLOUD_FILE_SYSTEMS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is what the import system looks for
