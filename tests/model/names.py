# SPDX-License-Identifier: GPL-2.0-only
"""The numbers that tests speak of by name; each class is an enum of the C headers."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """enum event_kind"""

    ACCEPT = 3
    RESCIND = 4
    CONVERT = 5
    RMPADJUST = 6
    ASSIGN = 7
    REMOVE = 8
    SPLIT = 9
    ATTACK = 10
    RELEASE = 22
    PLUG = 25
    UNPLUG = 26


class Reach(IntEnum):
    """enum access_kind"""

    READ = 0
    WRITE = 1
    FETCH = 2
    WALK = 3


class Stop(IntEnum):
    """enum stop_reason"""

    NONE = 0
    NOT_ASSIGNED = 1
    NOT_RAM = 2
    SHARED_ACCESS = 3
    OWNER = 4
    VMPL = 5
    PENDING = 6
    BLOCKED = 7
    NO_PROGRESS = 8
    HANDLER = 9
    TRIPLE_FAULT = 10
    SAVE_AREA = 11


class Verdict(IntEnum):
    """enum access_verdict"""

    ALLOWED = 0
    CIPHERTEXT = 1
    MMIO = 2
    GUEST_FAULT = 3
    RESERVED = 4
    STOPPED = 5


class SnpOutcome(IntEnum):
    """enum snp_outcome"""

    DONE = 0
    UD = 1
    GP = 2
    NOT_VALIDATED = 3
    STOPPED = 4
    WALK = 5


class RmpOutcome(IntEnum):
    """enum rmp_outcome"""

    DONE = 0
    NPF = 1
    NOT_VALIDATED = 2
    CIPHERTEXT = 3


class Npf(IntEnum):
    """EXITINFO1[38:31], shifted down by 31"""

    RMP = 1
    FINAL = 2
    PAGE_TABLE = 4
    ENC = 8
    SIZEM = 16
    VMPL = 32


class RmpFlag(IntEnum):
    """enum rmp_flag"""

    ASSIGNED = 1
    VALIDATED = 2
    VMSA = 4
    IMMUTABLE = 8
    SIZE_2M = 16


class State(IntEnum):
    """enum page_state"""

    HOST = 0
    UNACCEPTED = 1
    ACCEPTED = 2


class Psc(IntEnum):
    """enum psc_op"""

    PRIVATE = 1
    SHARED = 2
    PSMASH = 3
    UNSMASH = 4


class GhcbOutcome(IntEnum):
    """enum ghcb_outcome"""

    REQUEST = 0
    HANDLED = 1
    BROKEN = 2


class MsrAction(IntEnum):
    """enum ghcb_msr_action"""

    RESUME = 0
    PAGE = 1
    TERMINATE = 2
    AP_RESET_HOLD = 3


class TdxOutcome(IntEnum):
    """enum tdx_outcome"""

    DONE = 0
    INTERRUPTED = 1
    GP = 2
    STOPPED = 3
    VMCALL = 4
    FAULT_VE = 5


class Attack(IntEnum):
    """enum attack"""

    REMAP = 1
    REMAP_BACK = 2
    ALIAS = 3
    REASSIGN = 4
    UNASSIGN = 5
    REMOVE_AUG = 6
    REMOVE = 7
    BLOCK = 8
    BUSY = 9
    RETRY = 10
    PSC_ERROR = 11
    PSC_REWIND = 12
    KEEP = 13


SEPT_STATES = [
    "FREE",
    "REMOVED",
    "NL_MAPPED",
    "NL_BLOCKED",
    "MAPPED",
    "BLOCKED",
    "BLOCKEDW",
    "PENDING",
    "PENDING_BLOCKED",
    "PENDING_BLOCKEDW",
    "EXPORTED_BLOCKEDW",
    "EXPORTED_DIRTY",
    "EXPORTED_DIRTY_BLOCKEDW",
    "PENDING_EXPORTED_BLOCKEDW",
    "PENDING_EXPORTED_DIRTY",
    "PENDING_EXPORTED_DIRTY_BLOCKEDW",
]
