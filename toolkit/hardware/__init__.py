# SPDX-License-Identifier: GPL-2.0-only
"""Real machines: what this one is, and the same guest launched on a host that can (stock QEMU with KVM)."""
