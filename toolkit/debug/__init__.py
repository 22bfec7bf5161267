# SPDX-License-Identifier: GPL-2.0-only
"""Boots a recorded run again and halts it at one moment: for a dump, or a debugger."""
