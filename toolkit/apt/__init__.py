# SPDX-License-Identifier: GPL-2.0-only
"""Debian's archive, through apt with a configuration of our own: no root, nothing of the system's changed."""
