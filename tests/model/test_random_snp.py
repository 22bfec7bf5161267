# SPDX-License-Identifier: GPL-2.0-only
"""The C model of SNP against the oracle: every answer, event and state of random histories."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.ghcb_page import GhcbPage
from tests.model.guest import Layout
from tests.model.names import Psc
from tests.model.oracle.snp import Answer, SnpOracle
from tests.model.random_pair import RandomPair, run
from tests.model.snp_guest import Snp
from tests.model.structs import PAGE, UNIT

GHCB = 0x8000
TOP = 3 * UNIT + 3 * PAGE
# unit 0 has a hole, units 1 and 2 are whole, the end is not at a unit's border
LAYOUT = Layout(
    ram=((0, 0xA0000), (0xC0000, TOP - 0xC0000)),
    accepted=((UNIT - 5 * PAGE, 5 * PAGE), (UNIT, UNIT)),
    shared=((GHCB, 2 * PAGE),),
)


class Pair(RandomPair):
    """One guest twice; `step` runs a random operation on both and compares all."""

    top = TOP

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        config = {
            "backing_4k": int(self.random.random() < 0.3),
            "assign_advance": int(self.random.random() < 0.3),
            "implicit": int(self.random.random() < 0.3),
        }
        limit = self.random.choice((0, 0, 1, 3))
        self.c = Snp(LAYOUT, psc_entries_per_exit=limit, **config)
        self.oracle = SnpOracle(LAYOUT, psc_limit=limit, **config)
        assert self.c.msr(0x012 | GHCB).msr == GHCB | 0x013
        self.page = GhcbPage(self.c, GHCB)
        # hostile hosts only in some runs, so that honest ones get deep
        hostile = [self.attack] if self.random.random() < 0.4 else []
        honest = [self.pvalidate] * 6 + [self.access] * 4 + [self.rmpadjust] * 2
        self.choices = honest + [self.msr_psc] * 2 + [self.psc] * 2 + hostile
        self.compare()

    def gpa(self) -> int:
        pick = self.random.random()
        if pick < 0.35:
            return self.random.randrange(4) * UNIT
        if pick < 0.75:
            return self.random.randrange(4) * UNIT + self.random.choice((0, 1, 2, 511)) * PAGE
        if pick < 0.97:
            return self.random.randrange(TOP // PAGE) * PAGE
        return self.random.choice((0xA0000, 0xB8000, TOP, 1 << 40, (1 << 47) + PAGE))

    def caller(self) -> tuple[int, int]:
        cpl = 3 if self.random.random() < 0.02 else 0
        vmpl = self.random.randrange(1, 4) if self.random.random() < 0.02 else 0
        return cpl, vmpl

    @staticmethod
    def answer(outcome: int, raw: Any) -> Answer:
        fault = raw.fault
        return Answer(outcome, raw.eax, raw.carry, raw.exits, fault.stop, fault.platform)

    def pvalidate(self) -> None:
        gpa, (cpl, vmpl) = self.gpa(), self.caller()
        ecx = self.random.choice((0, 0, 0, 1, 1, 1, 1, 2))
        edx = self.random.choice((0, 1, 1, 1, 3, 0x100))
        found = self.answer(*self.c.pvalidate(gpa, ecx, edx, cpl, vmpl))
        expected = self.oracle.pvalidate(gpa, ecx, edx, cpl, vmpl)
        self.agree(("pvalidate", hex(gpa), ecx, edx, cpl, vmpl), found, expected)

    def rmpadjust(self) -> None:
        gpa, vmpl = self.gpa(), self.random.choice((0, 0, 0, 1, 2))
        rcx = self.random.choice((0, 0, 1, 1, 2))
        rdx = self.random.choice((1, 1, 2, 3, 0, 4)) | self.random.randrange(33) << 8
        rdx |= self.random.choice((0, 0, 0, 1 << 16, 1 << 17))
        found = self.answer(*self.c.rmpadjust(gpa, rcx, rdx, vmpl=vmpl))
        expected = self.oracle.rmpadjust(gpa, rcx, rdx, 0, vmpl)
        self.agree(("rmpadjust", hex(gpa), rcx, hex(rdx), vmpl), found, expected)

    def access(self) -> None:
        gpa = self.gpa() + self.random.choice((0, 8, 0xFF8))
        kind, private = self.random.randrange(4), int(self.random.random() < 0.7)
        vmpl, user = self.random.choice((0, 0, 0, 1, 2, 3)), self.random.randrange(2)
        found = self.c.access(gpa, kind, private, vmpl, user)
        expected = self.oracle.access(gpa, kind, private, vmpl, user)
        self.agree(("access", hex(gpa), kind, private, vmpl, user), found, expected)

    def usable(self, gpa: int) -> bool:
        """The GHCB page itself stays shared, so that the conversation goes on."""
        return gpa // UNIT != GHCB // UNIT or gpa >= 0xC0000

    def msr_psc(self) -> None:
        gpa, op = self.gpa(), self.random.choice((1, 1, 2, 2, 3))
        if not self.usable(gpa):
            return
        found = self.c.msr(0x014 | gpa | op << 52).msr
        self.agree(("msr-psc", hex(gpa), op), found, self.oracle.msr_psc(gpa, op))

    def entry(self) -> int:
        gpa, size = self.gpa(), int(self.random.random() < 0.5)
        while not self.usable(gpa) or (size and gpa < UNIT and gpa % UNIT == 0):
            gpa = self.gpa()
        op = self.random.choice((Psc.PRIVATE, Psc.PRIVATE, Psc.SHARED, Psc.SHARED, 3, 0))
        done = self.random.choice((0, 0, 0, 0, 1, 2, 300, 512, 513))
        return gpa & (1 << 52) - 1 | op << 52 | size << 56 | done

    def psc(self) -> None:
        entries = [self.entry() for _ in range(self.random.randrange(1, 6))]
        cur = self.random.choice((0, 0, 0, 1, 2))
        end = self.random.choice([len(entries) - 1] * 8 + [253])
        self.page.psc(entries, cur=cur, end=end)
        self.c.ghcb(GHCB)
        info1, info2 = self.page.infos()
        after, _ = self.page.psc_progress(0)
        found = (info1, info2, after, self.page.psc_entries(len(entries)))
        expected = (0, *self.oracle.psc(entries, cur, end))
        self.agree(("psc", [hex(e) for e in entries], cur, end), found, expected)

    def attack(self) -> None:
        gpa, other = self.gpa(), self.gpa()
        name = self.random.choice(("remap", "remap_back", "reassign", "unassign", "alias", "psc"))
        if name == "psc":
            self.c.act("attack_psc_error", 1)
            self.oracle.psc_errors = 1
            self.c.events()
            return
        arguments = (gpa, other) if name == "alias" else (gpa,)
        if not self.usable(gpa):
            return
        found = self.c.act(f"attack_{name}", *arguments)
        expected = getattr(self.oracle, name)(*arguments)
        self.agree((name, *map(hex, arguments)), found, expected)


@pytest.mark.parametrize("part", range(4))
def test_random_operations(part: int) -> None:
    run(Pair, 1000 * part, 2000)


@pytest.mark.long
@pytest.mark.parametrize("part", range(5))
def test_half_a_million_random_operations(part: int) -> None:
    run(Pair, 1_000_000 + 1000 * part, 100_000)
