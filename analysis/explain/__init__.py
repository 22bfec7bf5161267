# SPDX-License-Identifier: GPL-2.0-only
"""Explaining a run: the life of one page, and how a finding came about."""
