# SPDX-License-Identifier: GPL-2.0-only
"""The one error that bad input ends in."""


class BadInput(Exception):  # noqa: N818  reads as what it says at every raise
    """Something given to us is unusable; ``str(error)`` is one line: what is wrong, what to do."""
