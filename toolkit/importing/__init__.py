# SPDX-License-Identifier: GPL-2.0-only
"""Making run folders of what others recorded."""
