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
_MALICE = {"": "", "-ignored": "ignore", "-kept": "keep", "-swapped": "swap"}
"""What a malicious host does when the guest has given memory up."""
REMOVALS = {f"remove{word}": act for word, act in _MALICE.items()}
"""Requests to the guest to eject an ACPI memory device."""
RESIZES = {f"resize{word}": act for word, act in _MALICE.items()}
"""Requests to the guest to have so much of a virtio-mem device's memory plugged."""
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
    virtio_slot: int | None = None
    """The slot that is the memory of a virtio-mem device; None: there is no such device."""

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
    if any(_word(text).startswith("resize") for text in texts):
        return _resized(texts, plan)
    for text in texts:
        plan.take(text)
    return Script(tuple(plan.slots), tuple(plan.lines))


def _word(text: str) -> str:
    """Return the act of a step, "" where it has none."""
    return next(iter(text.split()[1:]), "")


def _resized(texts: Sequence[str], plan: _Plan) -> Script:
    """Read the steps of a host with a virtio-mem device, whose region is as large as the largest size that is requested."""
    steps = []
    for text in texts:
        words = text.split()
        if len(words) != 3 or words[1] not in RESIZES:
            raise BadInputError(
                f"--hotplug '{text}': with a virtio-mem device every step must be 'WHEN resize SIZE', such as 'userspace resize 1G'"
            )
        steps.append((text, words[0], RESIZES[words[1]], plan.size(text, words[2])))
    largest = max(steps, key=lambda step: step[3])
    if largest[3] == 0:
        raise BadInputError(f"--hotplug '{largest[0]}': one of the sizes must be more than 0")
    plan.append(largest[0], largest[3])
    for text, when, malice, size in steps:
        moment = plan.moment(text, when)
        if malice:
            plan.lines.append(f"{moment} {malice} 0")
            moment = "+0"
        plan.lines.append(f"{moment} resize 0 {size}")
    return Script(tuple(plan.slots), tuple(plan.lines), virtio_slot=0)


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
        when = self.moment(text, words[0])
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

    def moment(self, text: str, word: str) -> str:
        """Return the emulator's word for when a step is taken. Raises BadInputError for what is no moment."""
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
        size = self.size(text, word)
        if size == 0:
            raise self._not_whole(text)
        free = [
            slot
            for slot, item in enumerate(self.slots)
            if item.size == size and slot not in self._present
        ]
        slot = free[0] if free else len(self.slots)
        if not free:
            self.append(text, size)
        self._present.append(slot)
        return slot

    def size(self, text: str, word: str) -> int:
        """Return a size in bytes, which may be 0. Raises BadInputError for one that is not of whole memory blocks."""
        size = parse_size(word, what="--hotplug")
        if size % self._block:
            raise self._not_whole(text)
        return size

    def _not_whole(self, text: str) -> BadInputError:
        return BadInputError(
            f"--hotplug '{text}': a size must be a multiple of {self._block // MIB}M, which is this guest's memory block"
        )

    def append(self, text: str, size: int) -> None:
        """Add a slot. Raises BadInputError for one too many, or beyond what the platform can address."""
        if len(self.slots) == SLOTS_MAX:
            raise BadInputError(f"--hotplug '{text}': at most {SLOTS_MAX} ranges can be added")
        start = round_up(self.slots[-1].end, self._block) if self.slots else self._start
        bits = PLATFORMS[self._platform].address_bits
        if start + size > 1 << bits:
            raise BadInputError(
                f"--hotplug '{text}': the memory would end beyond the {bits}-bit address width of platform {self._platform}"
            )
        self.slots.append(Range(start, start + size))
