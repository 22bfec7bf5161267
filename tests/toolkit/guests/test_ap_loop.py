# SPDX-License-Identifier: GPL-2.0-only
"""The loop is machine code of this very architecture: run it."""

from __future__ import annotations

import ctypes
import mmap
import struct
import threading
import time

import pytest

from acceptlab.toolkit.firmware.ap_loop import ap_loop

MAILBOX_AT, VECTOR_AT = 0x800, 0xC00


class WaitingCpu:
    """A thread that runs the loop as vCPU 3 and returns 0x1234 once it was woken."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        # push rbx; call loop; pop rbx; ret -- and the loop behind it
        self.memory[:8] = bytes.fromhex("53e8020000005bc3")
        loop = ap_loop(self.base + MAILBOX_AT)
        self.memory[8 : 8 + len(loop)] = loop
        self.memory[VECTOR_AT : VECTOR_AT + 6] = bytes.fromhex(
            "b834120000c3"
        )  # mov eax, 0x1234; ret
        self.result: int | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        function = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint64)(self.base)
        self.result = function(0, 3)

    def post(self, apic_id: int, command: int) -> None:
        struct.pack_into(
            "<H", self.memory, MAILBOX_AT, 0
        )  # so that no half-written mailbox is taken
        struct.pack_into("<IQ", self.memory, MAILBOX_AT + 4, apic_id, self.base + VECTOR_AT)
        struct.pack_into("<H", self.memory, MAILBOX_AT, command)

    @property
    def command(self) -> int:
        value: int = struct.unpack_from("<H", self.memory, MAILBOX_AT)[0]
        return value


@pytest.mark.parametrize(("apic_id", "command"), [(2, 1), (3, 0), (3, 2), (0x103, 1)])
def test_waits_for_its_own_wakeup_then_acknowledges_and_jumps(apic_id: int, command: int) -> None:
    cpu = WaitingCpu()
    cpu.post(apic_id, command)
    time.sleep(0.05)
    assert cpu.result is None
    assert cpu.command == command
    cpu.post(3, 1)
    cpu.thread.join(10)
    assert cpu.result == 0x1234
    assert cpu.command == 0


def test_loop_pauses() -> None:
    assert b"\xf3\x90" in ap_loop(0x1000)
