# SPDX-License-Identifier: GPL-2.0-only
"""Recorders of what lives: the emulator's probes and a guest's kernel by eBPF, and a kernel's boot by its own tracing."""
