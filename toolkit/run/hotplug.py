# SPDX-License-Identifier: GPL-2.0-only
"""Memory that the host adds and removes while the guest runs: `WHEN add SIZE`, `WHEN remove` ... (emulator/qemu/hotplug.h)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.memory_devices import SLOTS_MAX
from acceptlab.toolkit.firmware.memory_map import HIGH_RAM_START, LOW_RAM_END
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import GIB, MIB, Range, round_up
from acceptlab.toolkit.run.attacks import MOMENTS
from acceptlab.toolkit.sizes import parse_size

STAGES = MOMENTS[1:]
"""When: a stage begins."""
REMOVALS = {"remove": "", "remove-ignored": "ignore", "remove-kept": "keep"}
"""Requests to the guest to give memory up, and what a malicious host does when it has."""
ONLINE_PARAMETER = "memhp_default_state="
"""Kernel parameter: what becomes of added memory."""
ONLINE_DEFAULT = "online_movable"
"""Pages for userspace alone, so that the memory is used first, and can be given up again."""
START_PARAMETER = "acceptlab.hotplug="
"""Word of our init: where memory may be added."""

_BLOCK, _LARGE_BLOCK = 128 * MIB, 2 * GIB
_LARGE_FROM = 64 * GIB
"""Linux's memory block in a guest of less than _LARGE_FROM, and the largest one otherwise (arch/x86/mm/init_64.c)."""
_STEPS_MAX = 32
_DELAY = re.compile(r"\+(?P<count>[0-9]{1,6})(?P<unit>ms|s)")
_NS = {"ms": 10**6, "s": 10**9}


@dataclass(frozen=True)
class Script:
    """What the host does, and where: ``lines`` are those of the emulator's file."""

    slots: tuple[Range, ...] = ()
    """Guest-physical ranges, above all RAM."""
    lines: tuple[str, ...] = ()

    @property
    def machine_size(self) -> int:
        """Return the bytes of RAM that the emulated machine has to have for the slots; 0 for none."""
        return LOW_RAM_END + self.slots[-1].end - HIGH_RAM_START if self.slots else 0


def parse_script(texts: Sequence[str], ram: Sequence[Range], platform: str) -> Script:
    """Read the steps, in order. ``ram`` is the guest's at boot.

    Memory that is added again after it was removed, in the same size, goes where it was.

    Raises BadInputError, in one line, for a step that is none, or that has nothing to act on.
    """
    if not texts:
        return Script()
    if len(texts) > _STEPS_MAX:
        raise BadInputError(f"--hotplug: {len(texts)} steps; give at most {_STEPS_MAX}")
    large = sum(item.size for item in ram) >= _LARGE_FROM
    plan = _Plan(ram[-1].end, _LARGE_BLOCK if large else _BLOCK, platform)
    for text in texts:
        plan.take(text)
    return Script(tuple(plan.slots), tuple(plan.lines))


class _Plan:
    """Slots and lines as far as the steps have been read."""

    def __init__(self, ram_end: int, block: int, platform: str) -> None:
        self.slots: list[Range] = []
        self.lines: list[str] = []
        self._present: list[int] = []
        self._start = round_up(max(ram_end, HIGH_RAM_START), _LARGE_BLOCK)
        self._block = block
        self._platform = platform

    def take(self, text: str) -> None:
        words = text.split()
        if len(words) < 2 or (words[1] == "add") != (len(words) == 3):
            raise BadInputError(
                f"--hotplug '{text}': must be 'WHEN add SIZE' or 'WHEN remove', such as 'userspace add 1G'"
            )
        when = self._moment(text, words[0])
        if words[1] == "add":
            self.lines.append(f"{when} add {self._slot(text, words[2])}")
            return
        if words[1] not in REMOVALS:
            known = ", ".join(("add SIZE", *REMOVALS))
            raise BadInputError(f"--hotplug '{text}': '{words[1]}' is no act; use {known}")
        if not self._present:
            raise BadInputError(f"--hotplug '{text}': no memory has been added")
        slot = self._present[-1]
        if malice := REMOVALS[words[1]]:
            self.lines.append(f"{when} {malice} {slot}")
            when = "+0"
        self.lines.append(f"{when} remove {slot}")
        if malice != "ignore":
            self._present.pop()

    def _moment(self, text: str, word: str) -> str:
        if word in STAGES:
            return word
        delay = _DELAY.fullmatch(word)
        if delay is None or not self.lines:
            raise BadInputError(
                f"--hotplug '{text}': '{word}' is no moment; use one of {', '.join(STAGES)}, or, behind another step, +5s or +500ms"
            )
        return f"+{int(delay['count']) * _NS[delay['unit']]}"

    def _slot(self, text: str, word: str) -> int:
        """The number of the slot for that much memory: a free one of that size, else a new one."""
        size = parse_size(word, what="--hotplug")
        if size == 0 or size % self._block:
            raise BadInputError(
                f"--hotplug '{text}': a size must be a multiple of {self._block // MIB}M, which is this guest's memory block"
            )
        free = [
            slot
            for slot, item in enumerate(self.slots)
            if item.size == size and slot not in self._present
        ]
        slot = free[0] if free else len(self.slots)
        if not free:
            self._append(text, size)
        self._present.append(slot)
        return slot

    def _append(self, text: str, size: int) -> None:
        if len(self.slots) == SLOTS_MAX:
            raise BadInputError(f"--hotplug '{text}': at most {SLOTS_MAX} ranges can be added")
        start = round_up(self.slots[-1].end, self._block) if self.slots else self._start
        bits = PLATFORMS[self._platform].address_bits
        if start + size > 1 << bits:
            raise BadInputError(
                f"--hotplug '{text}': the memory would end beyond the {bits}-bit address width of platform {self._platform}"
            )
        self.slots.append(Range(start, start + size))
