# SPDX-License-Identifier: GPL-2.0-only
"""Files of machines that we do not have."""

from __future__ import annotations

import struct
from pathlib import Path

SNP_LEAF = (0x8000001F, (0x1A, 51 | 5 << 6, 509, 1))
"""EAX: SEV, SEV-ES, SNP in bits 1, 3, 4; C-bit 51, 5 bits less (AMD64 APM volume 3, E.4.17)."""
_IN, _LE, _TD = struct.unpack("<3I", b"IntelTDX    ")
TD_LEAF = (0x21, (0, _IN, _TD, _LE))
"""EBX, EDX, ECX have the signature, in that order."""
SNP_HOST = {"sys/module/kvm_amd/parameters/sev_snp": "Y\n", "dev/kvm": "", "dev/sev": ""}
TDX_HOST = {"sys/module/kvm_intel/parameters/tdx": "Y\n", "dev/kvm": ""}


def tree(
    root: Path,
    *,
    vendor: str = "",
    flags: str = "",
    files: dict[str, str] | None = None,
    leaf: tuple[int, tuple[int, int, int, int]] | None = None,
) -> Path:
    """Write what a machine's /proc, /sys and /dev would have; returns the root."""
    cpuinfo = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\nbugs\t\t:\n\n"
    for name, text in {"proc/cpuinfo": cpuinfo, **(files or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    if leaf is not None:
        device = root / "dev/cpu/0/cpuid"
        device.parent.mkdir(parents=True, exist_ok=True)
        with device.open("wb") as file:  # sparse
            file.seek(leaf[0])
            file.write(struct.pack("<4I", *leaf[1]))
    return root
