# SPDX-License-Identifier: GPL-2.0-only
"""Search the kernel, or the commit, with which a verdict changes."""
