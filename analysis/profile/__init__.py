# SPDX-License-Identifier: GPL-2.0-only
"""Cost profiles: what operations cost on hardware by published figures, and the times that follow for a run. All modelled."""
