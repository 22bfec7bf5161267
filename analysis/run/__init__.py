# SPDX-License-Identifier: GPL-2.0-only
"""The run folder: run.json and what lies beside it."""
