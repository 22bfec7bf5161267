# SPDX-License-Identifier: GPL-2.0-only
"""Everything that judges: event schema, trace readers, page-state replay, invariants, reports.

Reads a run folder with no kernel, no emulator and no root. Imports nothing from ``toolkit``.
"""
