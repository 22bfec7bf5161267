# SPDX-License-Identifier: GPL-2.0-only
"""What a guest would accept, and how long that would take, at sizes that cannot be run here. All modelled."""
