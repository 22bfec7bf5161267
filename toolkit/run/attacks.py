# SPDX-License-Identifier: GPL-2.0-only
"""Hostile acts of the host, injected into a run: `WHEN ACT NUMBER`, as emulator/qemu/attacks.h has them."""

from __future__ import annotations

import re

from toolkit.errors import BadInputError

MOMENTS = (
    "accepted",
    "decompressor",
    "kernel",
    "userspace",
    "second-decompressor",
    "second-kernel",
    "second-userspace",
)
"""When: a stage begins, or the guest has accepted the page."""
ACTS = (
    "remap",
    "remap-back",
    "reassign",
    "unassign",
    "remove-aug",
    "remove",
    "block",
    "busy",
    "retry",
    "psc-error",
    "psc-rewind",
    "keep",
)
_NUMBER = re.compile(r"0x[0-9a-f]{1,16}|[0-9]{1,19}", re.IGNORECASE)


def check_attack(text: str) -> None:
    """Raise BadInputError unless the text is a moment, an act, and an address or count."""
    words = text.split()
    if len(words) != 3:
        raise BadInputError(
            f"--attack '{text}': write 'WHEN ACT NUMBER', such as 'accepted remap 0x40000000'"
        )
    when, act, number = words
    if when not in MOMENTS:
        raise BadInputError(
            f"--attack '{text}': '{when}' is no moment; use one of {', '.join(MOMENTS)}"
        )
    if act not in ACTS:
        raise BadInputError(f"--attack '{text}': '{act}' is no act; use one of {', '.join(ACTS)}")
    if not _NUMBER.fullmatch(number):
        raise BadInputError(f"--attack '{text}': '{number}' is no address (0x...) or count")
