# SPDX-License-Identifier: GPL-2.0-only
"""Benchmarks: boots against stock QEMU, replay speed, and the start of commands."""
