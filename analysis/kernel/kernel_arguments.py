# SPDX-License-Identifier: GPL-2.0-only
"""The names of a function's parameters by a kernel's own BTF, read once for each kernel."""

from __future__ import annotations

import re
from pathlib import Path

from acceptlab.analysis.kernel import kernel_cache
from acceptlab.analysis.kernel.btf import parameters

_KIND = "arguments 1"
"""Its number changes with the parser (`btf`): what an older one read wrongly must not be believed."""
_NAMES = re.compile(r"(\w+(?: \w+)*)?\n", re.ASCII)


def parameters_in(kernel: Path, function: str, cache: Path, sha256: str) -> tuple[str, ...]:
    """The names of a function's parameters in ``kernel``, a bzImage or an ELF file; none where it has no BTF that says so.

    They stay in the folder ``cache``, under ``sha256``, the checksum of the kernel. Raises BadInput when that cannot be written.
    """
    kept = cache / f"arguments-{sha256}-{function}.txt"
    text = kernel_cache.read(kept, _KIND)
    if text is None or not _NAMES.fullmatch(text):
        from acceptlab.analysis.kernel.kernel_image import btf_of  # loads readers of ELF files

        found = tuple(name for name in parameters(btf_of(kernel), function))
        text = " ".join(found) + "\n"
        if _NAMES.fullmatch(text):
            kernel_cache.write(kept, _KIND, text)
        return found
    return tuple(text.split())
