# SPDX-License-Identifier: GPL-2.0-only
"""A run's events for other tools: a timeline for Perfetto's viewer, CSV, Parquet. Streaming, in bounded memory."""
