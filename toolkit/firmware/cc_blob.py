# SPDX-License-Identifier: GPL-2.0-only
"""SEV-SNP's confidential-computing blob, which tells a kernel of its secrets and CPUID pages (semantics.md 1.9.7)."""

from __future__ import annotations

import struct

from acceptlab.toolkit.ranges import PAGE

MAGIC = 0x45444D41
_VERSION = 0
_BLOB = struct.Struct("<IHHQIIQII")
CC_BLOB_SIZE = _BLOB.size
"""Bytes of the blob."""


def encode_cc_blob(secrets: int, cpuid: int) -> bytes:
    """Return the blob for a secrets page and a CPUID page at these guest-physical addresses."""
    return _BLOB.pack(MAGIC, _VERSION, 0, secrets, PAGE, 0, cpuid, PAGE, 0)
