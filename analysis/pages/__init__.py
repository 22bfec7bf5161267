# SPDX-License-Identifier: GPL-2.0-only
"""Page states: every event replayed onto the pages of the guest."""
