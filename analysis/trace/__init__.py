# SPDX-License-Identifier: GPL-2.0-only
"""Traces: the event schema, event files, event gaps, and what a trace cannot show."""
