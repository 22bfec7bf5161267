# SPDX-License-Identifier: GPL-2.0-only
"""Kernel images: fetching, listing, and what an argument names."""
