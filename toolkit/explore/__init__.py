# SPDX-License-Identifier: GPL-2.0-only
"""One kernel under many schedules: which to try, what became of them, and the shortest window that still shows a hit."""
