# SPDX-License-Identifier: GPL-2.0-only
"""Hostile acts of the host, injected into a run: `WHEN ACT NUMBER`, as emulator/qemu/attacks.h has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.ranges import Range

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
ON_PAGES = {
    "snp": ("remap", "remap-back", "reassign", "unassign"),
    "tdx": ("remove-aug", "remove", "block", "keep"),
}
"""What a host can do to one page, by platform; NUMBER is its address."""
ON_CALLS = {"snp": ("psc-error", "psc-rewind"), "tdx": ("busy", "retry")}
"""What a host can answer to calls of the guest, by platform; NUMBER says to how many."""
_NUMBER = re.compile(r"0x[0-9a-f]{1,16}|[0-9]{1,19}", re.IGNORECASE)


def check_attack(text: str, platform: str, ram: Sequence[Range]) -> None:
    """Raise BadInputError unless the text is a moment, an act that the platform has, and an address in RAM or a count."""
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
    on_pages, on_calls = ON_PAGES.get(platform, ()), ON_CALLS.get(platform, ())
    if act not in (*on_pages, *on_calls):
        raise BadInputError(f"--attack '{text}': {_no_act(act, platform)}")
    if not _NUMBER.fullmatch(number):
        raise BadInputError(f"--attack '{text}': '{number}' is no address (0x...) or count")
    address = int(number, 0) if number.lower().startswith("0x") else int(number)
    if act in on_pages and not any(part.start <= address < part.end for part in ram):
        parts = ", ".join(map(str, ram))
        raise BadInputError(f"--attack '{text}': {address:#x} is not in the guest's RAM ({parts})")


def _no_act(act: str, platform: str) -> str:
    """Say why the platform's host cannot do that, and what it can do."""
    acts = (*ON_PAGES.get(platform, ()), *ON_CALLS.get(platform, ()))
    if not acts:
        return f"a {platform} guest has no attacks; add --platform {' or '.join(ON_PAGES)}"
    other = [
        name for name in ON_PAGES if name != platform and act in (*ON_PAGES[name], *ON_CALLS[name])
    ]
    what = f"is an act of {other[0]}, not of {platform}" if other else "is no act"
    return f"'{act}' {what}; use one of {', '.join(acts)}"
