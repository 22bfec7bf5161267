# SPDX-License-Identifier: GPL-2.0-only
"""How many examples a property gets: few after every edit, ten times as many in `make test-long`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

VARIABLE = "ACCEPTLAB_EXAMPLES"
"""Environment: examples for each one that a usual run tries."""
USUAL = 25
"""Examples of a property that does not choose."""


def examples(few: int = USUAL) -> settings:
    """Return settings for `few` examples, times the number in VARIABLE.

    A loaded machine draws examples slowly, and no test is about time: neither a slow example nor a slow draw is an error.
    A function's fixture may be used by all examples of a property.
    """
    return settings(
        max_examples=few * int(os.environ.get(VARIABLE, "1")),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
