# SPDX-License-Identifier: GPL-2.0-only
"""What it would take to keep track of unaccepted memory in other ways than a bitmap, computed from a recorded boot."""
