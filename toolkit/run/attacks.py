# SPDX-License-Identifier: GPL-2.0-only
"""Attacks by the host, injected into a run: `WHEN ACTION NUMBER`, as emulator/qemu/attacks.h has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
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
_NUMBER = re.compile(r"0x[0-9a-f]{1,16}|[0-9]{1,19}", re.IGNORECASE)


def check_attack(text: str, platform: str, ram: Sequence[Range]) -> None:
    """Raise BadInputError unless the text is a moment, an act that the platform has, and an address in RAM or a count."""
    words = text.split()
    if len(words) != 3:
        raise BadInputError(
            f"--attack '{text}': must be 'WHEN ACTION NUMBER', such as 'accepted remap 0x40000000'"
        )
    when, act, number = words
    if when not in MOMENTS:
        raise BadInputError(
            f"--attack '{text}': '{when}' is not a moment; use one of {', '.join(MOMENTS)}"
        )
    on_pages, on_calls = PLATFORMS[platform].attacks_on_pages, PLATFORMS[platform].attacks_on_calls
    if act not in (*on_pages, *on_calls):
        raise BadInputError(f"--attack '{text}': {_no_act(act, platform)}")
    if not _NUMBER.fullmatch(number):
        raise BadInputError(f"--attack '{text}': '{number}' is not an address (0x...) or count")
    address = int(number, 0) if number.lower().startswith("0x") else int(number)
    if act in on_pages and not any(part.start <= address < part.end for part in ram):
        parts = ", ".join(map(str, ram))
        raise BadInputError(f"--attack '{text}': {address:#x} is not in the guest's RAM ({parts})")


def _no_act(act: str, platform: str) -> str:
    """Say why the platform's host cannot do that, and what it can do."""
    acts = _acts_of(platform)
    if not acts:
        return f"attacks on a {platform} guest are not supported; add --platform {' or '.join(CONFIDENTIAL)}"
    other = [name for name in CONFIDENTIAL if name != platform and act in _acts_of(name)]
    what = f"is an action for {other[0]}, not for {platform}" if other else "is not an action"
    return f"'{act}' {what}; use one of {', '.join(acts)}"


def _acts_of(platform: str) -> tuple[str, ...]:
    return (*PLATFORMS[platform].attacks_on_pages, *PLATFORMS[platform].attacks_on_calls)
