# SPDX-License-Identifier: GPL-2.0-only
"""What hosts do with a guest's memory, by name: how large they map it, what becomes of a page that is converted, and of an access
of the other kind.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostPolicy:
    """One host. ``backing`` is the largest page that it maps; ``in_place``: a converted page keeps its content; ``implicit``: it
    makes a page shared at a shared access, and private at a private one (semantics.md 2.10).
    """

    name: str
    backing: str
    in_place: bool
    implicit: bool
    about: str


HOST_POLICIES = {
    one.name: one
    for one in (
        HostPolicy("2M", "2M", False, False, "maps by 2M wherever it can"),
        # Linux 7.3: virt/kvm/guest_memfd.c kvm_gmem_get_pfn() gives order 0, arch/x86/kvm/vmx/tdx.c maps 4K alone.
        # QEMU 10.0: accel/kvm/kvm-all.c converts at KVM_EXIT_MEMORY_FAULT.
        HostPolicy(
            "kvm",
            "4K",
            False,
            True,
            "KVM of Linux 7.3 and QEMU: private memory by 4K, shared memory elsewhere, implicit conversion",
        ),
        # Series in flight for guest_memfd and TDX: by 2M until the guest accepts 4K.
        HostPolicy(
            "kvm-hugepage",
            "2M",
            False,
            True,
            "KVM with huge pages: 2M until the guest accepts 4K, implicit conversion",
        ),
        HostPolicy("in-place", "4K", True, True, "KVM that converts in place: by 4K, and content survives a conversion"),
    )
}  # fmt: skip
"""By name, the default first."""
DEFAULT_HOST = "2M"
