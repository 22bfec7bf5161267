# SPDX-License-Identifier: GPL-2.0-only
"""Sweeps: many runs that differ in some of their options, made side by side, kept, and put into one table."""
