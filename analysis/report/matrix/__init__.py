# SPDX-License-Identifier: GPL-2.0-only
"""The facts of many runs in one table: counted per run, shown as text and as one HTML page."""
