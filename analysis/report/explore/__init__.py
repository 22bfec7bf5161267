# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration of schedules found, as JSON and as text."""
