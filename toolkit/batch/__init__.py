# SPDX-License-Identifier: GPL-2.0-only
"""Judging many runs at a time, on the cores of this machine or on those that a Dask scheduler has."""
