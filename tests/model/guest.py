# SPDX-License-Identifier: GPL-2.0-only
"""What guests of both platforms have in common in the model."""

from __future__ import annotations

import ctypes as ct
from dataclasses import dataclass
from typing import Any

from tests.model.library import library
from tests.model.recorder import Event, Recorder
from tests.model.structs import PageRun, SnpConfig, TdxConfig


@dataclass(frozen=True)
class Layout:
    """Memory at boot handoff: RAM ranges, accepted and shared ranges, as (start, size)."""

    ram: tuple[tuple[int, int], ...]
    accepted: tuple[tuple[int, int], ...] = ()
    shared: tuple[tuple[int, int], ...] = ()

    @property
    def top(self) -> int:
        return max(start + size for start, size in self.ram)


class Guest:
    """A guest of either platform; `prefix` is that of its functions in the model."""

    def __init__(self, prefix: str, layout: Layout, config: SnpConfig | TdxConfig) -> None:
        self.prefix = prefix
        self.lib = library()
        self.layout = layout
        self.recorder = Recorder(layout.top)
        make = getattr(self.lib, f"support_{prefix}_new")
        pointer = make(ct.byref(config), ct.byref(self.recorder.ops))
        if not pointer:
            raise ValueError("the model refuses this configuration")
        self.vm = ct.c_void_p(pointer)
        for name, ranges in (
            ("vm_add_ram", layout.ram),
            ("vm_launch", layout.accepted),
            ("vm_share", layout.shared),
        ):
            for at, size in ranges:
                if self.act(name, at, size):
                    raise ValueError(f"{name}({at:#x}, {size:#x}) refused")
        self.vm_call("start", self.vm)

    def __del__(self) -> None:
        if hasattr(self, "vm"):
            self.lib.support_free(self.vm)

    def vm_call(self, name: str, *args: Any) -> int:
        """PREFIX_vm_NAME(arguments)"""
        return int(getattr(self.lib, f"{self.prefix}_vm_{name}")(*args))

    def act(self, name: str, *args: int) -> int:
        """PREFIX_NAME(vm, 64-bit arguments): vm_add_ram, attack_remap, attack_remove ..."""
        call = getattr(self.lib, f"{self.prefix}_{name}")
        return int(call(self.vm, *(ct.c_uint64(a) for a in args)))

    def state(self, gpa: int) -> int:
        return self.vm_call("page_state", self.vm, ct.c_uint64(gpa))

    def describe(self, gpa: int) -> str:
        text = ct.create_string_buffer(256)
        self.vm_call("describe", self.vm, ct.c_uint64(gpa), text, ct.c_size_t(256))
        return text.value.decode()

    def runs(self) -> list[tuple[int, int, int]]:
        """All runs of equal state: start, size, state."""
        found, cursor, run = [], ct.c_uint64(0), PageRun()
        while self.vm_call("next_run", self.vm, ct.byref(cursor), ct.byref(run)):
            found.append((run.start, run.size, run.state))
        return found

    def accepted(self) -> int:
        return self.vm_call("accepted_bytes", self.vm)

    def events(self) -> list[Event]:
        return self.recorder.take_events()
