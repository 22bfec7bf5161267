# SPDX-License-Identifier: GPL-2.0-only
"""Patch series: where they come from, the base they stand on, and what is done with them."""
