# SPDX-License-Identifier: GPL-2.0-only
"""The C model of TDX against the oracle: every answer, event, zeroing and state."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import Verdict
from tests.model.oracle.tdx import RETRY, Answer, TdxOracle
from tests.model.random_pair import RandomPair, run
from tests.model.structs import PAGE, R8, R9, RAX, RCX, RDX, UNIT
from tests.model.td import Tdx

TOP = 3 * UNIT + 3 * PAGE
LAYOUT = Layout(
    ram=((0, 0xA0000), (0xC0000, TOP - 0xC0000)),
    accepted=((UNIT - 5 * PAGE, 5 * PAGE), (UNIT, UNIT)),
    shared=((0x8000, 2 * PAGE),),
)
TD_CTLS = 0x1110000300000017
FLEXIBLE_PENDING_VE, PAGE_RELEASE = 1 << 1, 1 << 6


class Pair(RandomPair):
    """One TD twice; `step` runs a random operation on both and compares all."""

    top = TOP

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        config = {
            "backing_4k": int(self.random.random() < 0.3),
            "assign_advance": int(self.random.random() < 0.3),
            "map_gpa_chunk": self.random.choice((0, 0, UNIT, 3 * PAGE)),
            "gpaw": self.random.choice((48, 52)),
            "shared_access": self.random.choice((0, 0, 1, 2)),
            "implicit": int(self.random.random() < 0.3),
        }
        ve_disable = self.random.randrange(2)
        flags = FLEXIBLE_PENDING_VE | PAGE_RELEASE
        self.c = Tdx(
            LAYOUT,
            attributes=ve_disable << 28,
            config_flags=flags,
            module=1,
            busy_limit=20,
            **config,
        )
        self.oracle = TdxOracle(LAYOUT, ve_disable=ve_disable, busy_limit=20, **config)
        hostile = [self.attack] if self.random.random() < 0.4 else []
        honest = [self.accept] * 6 + [self.access] * 4 + [self.map_gpa] * 3
        honest += [self.release] * 2 + [self.control]
        self.choices = honest + hostile
        self.compare()

    def gpa(self) -> int:
        pick = self.random.random()
        if pick < 0.4:
            return self.random.randrange(4) * UNIT
        if pick < 0.75:
            return self.random.randrange(4) * UNIT + self.random.choice((0, 1, 2, 511)) * PAGE
        if pick < 0.97:
            return self.random.randrange(TOP // PAGE) * PAGE
        return self.random.choice((0xA0000, 0xB8000, TOP, 1 << 40, 1 << 47, 1 << 51, 1 << 48))

    def compare(self) -> None:
        scrubs, self.oracle.scrubs = self.oracle.scrubs, []
        assert self.c.recorder.scrubs() == scrubs, (self.seed, self.history[-20:])
        super().compare()

    def accept(self) -> None:
        level = self.random.choice((0, 0, 1, 1, 1, 1, 2, 3))
        rcx, vcpu = self.gpa() | level, self.random.randrange(2)
        if self.random.random() < 0.02:
            rcx |= 1 << self.random.choice((3, 11, 52, 63))
        at = self.random.choice((0, 0, 0, 1, 100, 511, 512))
        self.c.recorder.interrupt_at(at)
        self.oracle.interrupt_at = at
        outcome, rax, answer = self.c.accept(rcx, vcpu)
        fault = answer.fault
        rax = 0 if rax == 0xDEAD else rax
        found = Answer(outcome, rax, answer.exits, fault.stop, fault.exit_info, answer.gpa)
        # events name the vCPU: the oracle keeps to 0, and so do the exits of vCPU 0
        expected = self.oracle.accept(rcx, vcpu)
        self.oracle.events = [event._replace(vcpu=vcpu) for event in self.oracle.events]
        self.agree(("accept", hex(rcx), vcpu, at), found, expected)

    def access(self) -> None:
        gpa = self.gpa() + self.random.choice((0, 8, 0xFF8))
        kind, private = self.random.randrange(4), int(self.random.random() < 0.7)
        verdict, fault = self.c.access(gpa, kind, private)
        ve = verdict == Verdict.GUEST_FAULT
        found = (verdict, fault.stop, fault.ve.qualification if ve else fault.exit_info)
        expected = self.oracle.access(gpa, kind, private)
        self.agree(("access", hex(gpa), kind, private), found, expected)

    def map_gpa(self) -> None:
        start = self.gpa() | self.random.choice((0, self.oracle.shared_bit))
        size = self.random.choice((1, 1, 2, 3, 512, 512, 513, 600, 0)) * PAGE
        if self.random.random() < 0.02:
            start, size = start + 8, size + self.random.choice((0, 8, 1 << 63))
        _, r10, r11 = self.c.map_gpa(start, size)
        expected, next_gpa = self.oracle.map_gpa(start, size)
        found = (r10, r11 if expected else None)
        self.agree(("map", hex(start), hex(size)), found, (expected, next_gpa))
        if expected == RETRY and self.random.random() < 0.5 and next_gpa is not None:
            rest = start + size - next_gpa
            found = self.c.map_gpa(next_gpa, rest)[1], None
            again, _ = self.oracle.map_gpa(next_gpa, rest)
            self.agree(("map again", hex(next_gpa), hex(rest)), found, (again, None))

    def release(self) -> None:
        rcx = self.gpa() | self.random.choice((0, 0, 1, 1, 1, 2))
        if self.random.random() < 0.02:
            rcx |= 1 << self.random.choice((3, 11, 52, 63))
        _, regs, _ = self.c.tdcall({RAX: 30, RCX: rcx})
        self.agree(("release", hex(rcx)), (regs[RAX], regs[RCX]), self.oracle.release(rcx))

    def control(self) -> None:
        """The guest turns #VE for pending pages on or off."""
        value = self.random.randrange(2)
        _, regs, _ = self.c.tdcall({RAX: 8, RDX: TD_CTLS, R8: value, R9: 1})
        found, expected = (regs[RAX], regs[R8]), (0, self.oracle.ve_disable)
        self.oracle.ve_disable = value
        self.agree(("control", value), found, expected)

    def attack(self) -> None:
        name = self.random.choice(("remove_aug", "remove", "block", "keep", "busy", "retry"))
        if name in ("busy", "retry"):
            count = self.random.choice((1, 2, 30))
            self.c.act(f"attack_{name}", count)
            self.oracle.busy, self.oracle.retries = (
                (count, self.oracle.retries) if name == "busy" else (self.oracle.busy, count)
            )
            self.c.events()
            return
        gpa = self.gpa()
        found = self.c.act(f"attack_{name}", gpa)
        self.agree((name, hex(gpa)), found, getattr(self.oracle, name)(gpa))


@pytest.mark.parametrize("part", range(4))
def test_random_operations(part: int) -> None:
    run(Pair, 1000 * part, 2000)


@pytest.mark.long
@pytest.mark.parametrize("part", range(5))
def test_half_a_million_random_operations(part: int) -> None:
    run(Pair, 1_000_000 + 1000 * part, 100_000)
