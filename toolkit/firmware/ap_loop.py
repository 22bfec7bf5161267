# SPDX-License-Identifier: GPL-2.0-only
"""Where the vCPUs of a TDX guest wait: the multiprocessor wakeup mailbox (ACPI 6.5, section 5.2.12.19) and its loop."""

from __future__ import annotations

import struct

COMMAND_AT = 0
APIC_ID_AT = 4
WAKEUP_VECTOR_AT = 8
COMMAND_WAKEUP = 1


def ap_loop(mailbox: int) -> bytes:
    """Return 64-bit, position-independent code; RSI holds the vCPU's index, which is its APIC id.

    It waits until the mailbox holds a wakeup command for this vCPU, clears the command and jumps to the wakeup vector.
    """
    head = b"\x48\xbb" + struct.pack("<Q", mailbox)  # movabs rbx, mailbox
    wait = bytes.fromhex(
        "f390"  # pause
        "66833b01"  # cmp word [rbx + COMMAND_AT], COMMAND_WAKEUP
        "75f8"  # jne wait
        "397304"  # cmp [rbx + APIC_ID_AT], esi
        "75f3"  # jne wait
        "488b4308"  # mov rax, [rbx + WAKEUP_VECTOR_AT]
        "66c7030000"  # mov word [rbx + COMMAND_AT], 0
        "ffe0"  # jmp rax
    )
    return head + wait
