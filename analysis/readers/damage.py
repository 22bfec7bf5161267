# SPDX-License-Identifier: GPL-2.0-only
"""The end of what can be read of a damaged file."""


class Damaged(Exception):  # noqa: N818  what it says, not an error of ours
    """The file cannot be followed any further; ``str(error)`` says where and why, in one line."""
