# SPDX-License-Identifier: GPL-2.0-only
"""I1: no private access before accept, and no access of the wrong sort at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.answered import FaultedPages, may_be_answered
from acceptlab.analysis.invariants.conversion_window import drop_harmless, made_private_by
from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import (
    EVER,
    HELD,
    STATE_MASK,
    Breach,
    Op,
    State,
    past_unknown,
)
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.gaps import END
from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_BEFORE_SHIFT,
    CONVERT_IMPLICIT,
    STAGE_NAMES,
    UNIT_SIZE,
    Access,
    ConvertTo,
    Kind,
    Stage,
    StopReason,
    label,
)

NEVER = "accessed a page it never accepted"
WITHHELD = "accessed a page it never accepted: the guest got no bitmap"
PAST_END = "read past the end of accepted memory"
CONVERTED = "accessed a page after converting it to private without accepting it"
LEFT_SHARED = "accessed a page that the first kernel left shared"
UNACCEPTED_TARGET = "loaded a second kernel into unaccepted memory"
RESCINDED = "accessed a page after rescinding or releasing it"
UNKNOWN = "accessed a page that is not accepted"
BEING_CONVERTED = "accessed a page while another vCPU converts it"
TAKEN = "accessed a page that the host removed"
WRONG_BIT_SHARED = "shared access to a private page: the {bit} is wrong"
UNDER_CONVERSION = "shared access to a page that another vCPU made private"
IMPLICIT = "shared access to a private page, which the host made shared"
LOST = "accessed a page that the host had made shared at a shared access"
WRONG_BIT_PRIVATE = "private access to a shared page: the {bit} is wrong"
PLUGGED = "accessed hot-added memory that nobody accepted"
UNPLUGGED = "accessed memory that was removed"
NOT_RAM_ACCEPT = "accepted an address that is not RAM"
NOT_RAM_ACCESS = "private access to an address that is not RAM"
SAVE_AREA = "accessed the save area of a vCPU that runs"
DMA = "device DMA to private memory"
OTHER = "access refused: {reason}"

_CHANGES = tuple(
    label(one) for one in (Kind.ACCEPT, Kind.LAUNCH, Kind.RESCIND, Kind.RELEASE, Kind.CONVERT)
)
_UNPLUG = label(Kind.UNPLUG)
_JUST_NOW = 10_000_000
"""A conversion that began this shortly before the guest's end may have been going on. Instructions or nanoseconds."""
_NO_ACCESS = {StopReason.NO_PROGRESS, StopReason.HANDLER, StopReason.TRIPLE_FAULT}
"""Stops that are not about an access of the guest's."""


@record(frozen=True)
class _Access:
    """What tells one kind of refused access from another."""

    kind: int
    reason: int
    access: int
    private: bool
    before: int
    bytes_before: int
    """How much of the access lies in the page before; 0: nothing, or not known."""

    @classmethod
    def unpack(cls, packed: int) -> _Access:
        """The fields from one number, as ``_grouped`` packs them."""
        kind, reason, access = packed & 0xFF, packed >> 8 & 0xFF, packed >> 16 & 0xFF
        private, before = bool(packed >> 24 & 1), packed >> 32 & 0xFF
        if kind == Kind.DMA_REFUSED:
            access = Access.WRITE if access else Access.READ
        straddles = packed >> 40 if kind in (Kind.FAULT, Kind.STOP) else 0
        return cls(kind, reason if kind == Kind.STOP else 0, access, private, before, straddles)

    def is_shared_fault(self) -> bool:
        """Whether the guest was notified of a shared access (TDX, #VE with a SHARED GPA)."""
        return self.kind == Kind.FAULT and not self.private

    def is_wrong(self) -> bool:
        """Reflected shared accesses are as they should be where there is no private page (MMIO); some stops are no access."""
        if self.kind == Kind.FAULT and not self.private:
            return self.before & STATE_MASK in (State.ASSIGNED, State.ACCEPTED)
        if self.reason == StopReason.NOT_ASSIGNED and self.access == Access.INSTRUCTION:
            return False  # an accept in the wrong order: I3
        return self.reason not in _NO_ACCESS


def _grouped(
    step: Step, positions: npt.NDArray[np.intp]
) -> tuple[
    npt.NDArray[np.uint64], npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]
]:
    """Distinct kinds of access among ``positions``: packed kind, inverse, first index, count."""
    batch = step.batch
    detail = batch["detail"][positions]
    packed = batch["kind"][positions].astype(np.uint64)
    packed |= np.minimum(batch["result"][positions], np.uint64(0xFF)) << np.uint64(8)
    packed |= (detail & np.uint64(0x1FF)) << np.uint64(16)
    packed |= step.looks()[positions].astype(np.uint64) << np.uint64(32)
    bytes_before = detail >> np.uint64(ACCESS_DETAIL_BEFORE_SHIFT) & np.uint64(0xFF)
    packed |= bytes_before << np.uint64(40)
    kinds, first, where, count = np.unique(
        packed, return_index=True, return_inverse=True, return_counts=True
    )
    return kinds, where, first, count


class NoAccessBeforeAccept(Invariant):
    name = "I1"
    title = "no private access before accept"
    rule = (
        "A private page may be accessed only between its accept and its rescind or conversion; a "
        "shared access must not hit a private page (AMD APM Vol. 2, 15.36.10; Intel TDX "
        "module, EPT violations). A guest that takes a fault on an unaccepted page may "
        "accept it and retry."
    )
    needs = frozenset(
        {"accept", "fault", "stop", "dma-refused", "ciphertext", RESULTS, EARLY, HANDOFF}
    )
    by_page = True
    looks_at = "event of the guest"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._bit = self.platform.privacy_bit
        self._states = PageStates(0)
        self._touches = FaultedPages()

    def watch(self, step: Step) -> None:
        self._states = step.states
        self.looked_at += int(step.batch["stage"][-1] != Stage.FIRMWARE)
        self._watch_accesses(step)
        self._watch_implicit(step)
        self._watch_accepts(step)

    def settle(self) -> None:
        for kind, total, listed in self._touches.unanswered(self._states):
            for one in listed:
                one.by_end = True
                one.observed = not self.context.holes.lost(one.events[-1], END)
            self.suspects(kind).add(total, listed)

    def finish(self) -> InvariantResult:
        for kind, suspects in list(self.kinds.items()):
            if kind == IMPLICIT or (isinstance(kind, _Access) and kind.is_shared_fault()):
                drop_harmless(suspects)
                if not suspects.total:
                    del self.kinds[kind]
            if kind == IMPLICIT:
                for one in suspects.kept:
                    self._word_implicit(one)
            if isinstance(kind, _Access):
                for one in suspects.kept:
                    one.title, one.explanation = self._words(kind, one)
        told = "No access was refused, reflected or read as ciphertext."
        if answered := self._touches.answered:
            told = f"{answered} accesses of unaccepted pages faulted, and the guest accepted the pages."
        return self.result(Status.HOLDS, told)

    def _watch_accesses(self, step: Step) -> None:
        positions = np.flatnonzero(step.ops == Op.LOOK)
        if not len(positions):
            return
        kinds, where, first, count = _grouped(step, positions)
        for number, packed in enumerate(kinds):
            kind = _Access.unpack(int(packed))
            if not kind.is_wrong():
                continue
            same = positions[where == number] if count[number] > 1 else positions[[first[number]]]
            reflected = kind.kind == Kind.FAULT and kind.private
            if reflected and may_be_answered(np.array([kind.before], np.uint8))[0]:
                self._touches.add(kind, step.batch, same)
                continue
            if kind.private and kind.before & HELD:
                same = self.context.attacks.without_noticed(step.batch, same, self._notice(kind))
                if not len(same):
                    continue
            suspects = self.suspects(kind)
            listed = [Suspicion.at(step.batch, int(one), "", "") for one in same[: suspects.room]]
            for one in listed:
                one.observed = True
            suspects.add(len(same), listed)

    def _watch_implicit(self, step: Step) -> None:
        """Accesses at which the host converted a private page to shared (semantics.md 2.10.3)."""
        batch = step.batch
        converts = batch.of(Kind.CONVERT)
        detail = batch["detail"][converts]
        implicit = detail & np.uint64(CONVERT_IMPLICIT) != 0
        found = converts[implicit & (detail & np.uint64(0xFF) == ConvertTo.SHARED)]
        if len(found):
            self.blame(step, IMPLICIT, found, IMPLICIT, "", observed=True)

    def _word_implicit(self, one: Suspicion) -> None:
        lost = "the host converted it at this access (implicit conversion), and its content is lost"
        one.explanation = f"The access was shared, the page was private: {lost}."
        if (other := made_private_by(one)) is not None:
            one.title = UNDER_CONVERSION
            one.explanation = f"vCPU {other} had made the page private: {lost}."

    def _notice(self, kind: _Access) -> str:
        """By what the guest, or nobody but the host, notices that the host has taken a page."""
        if kind.kind == Kind.FAULT:
            return f"a fault ({self.platform.fault})"
        return f"a fatal exit ({label(StopReason(kind.reason))})"

    def _watch_accepts(self, step: Step) -> None:
        if not self.shows(HANDOFF, RESULTS):
            return
        why = "The guest accepted an address that is not RAM."
        found = step.breaches(Breach.ACCEPT_NOT_RAM)
        self.blame_entries(step, NOT_RAM_ACCEPT, found, NOT_RAM_ACCEPT, why)
        top = np.uint64(step.states.units * UNIT_SIZE)
        gpa, size = step.batch["gpa"], step.batch["size"]
        if int(gpa.max(initial=0)) + int(size.max(initial=0)) <= top:
            return
        beyond = np.flatnonzero((size > top - np.minimum(gpa, top)) & (step.ops == Op.ACCEPT))
        if len(beyond):
            self.blame(step, NOT_RAM_ACCEPT, beyond, NOT_RAM_ACCEPT, why)

    def _words(self, kind: _Access, one: Suspicion) -> tuple[str, str]:
        if kind.kind == Kind.DMA_REFUSED:
            way = "write to" if kind.access == Access.WRITE else "read from"
            return DMA, f"A device tried to {way} a private page."
        shared = kind.reason == StopReason.SHARED_ACCESS or kind.is_shared_fault()
        if shared and (other := made_private_by(one)) is not None:
            return UNDER_CONVERSION, (
                f"vCPU {other} had made the page private, and the mapping of this vCPU was still shared: "
                f"the conversion is not complete, or this vCPU has a stale translation{self._told(kind)}."
            )
        if kind.kind == Kind.CIPHERTEXT or shared:
            title = WRONG_BIT_SHARED.format(bit=self._bit)
            return title, f"Shared access to a private page{self._told(kind)}."
        state = kind.before & STATE_MASK
        if kind.reason == StopReason.NOT_RAM or state == State.NOT_RAM:
            if (last := _last_of(one, Kind.PLUG, Kind.UNPLUG)) and last["kind"] == _UNPLUG:
                return UNPLUGGED, (
                    f"The guest gave the memory up, and the host removed it (event {last['seq']}){self._told(kind)}."
                )
            if kind.access == Access.INSTRUCTION:
                return NOT_RAM_ACCEPT, f"The address is not RAM{self._told(kind)}."
            return NOT_RAM_ACCESS, f"The address is not RAM{self._told(kind)}."
        if kind.reason == StopReason.SAVE_AREA:
            return SAVE_AREA, f"A vCPU runs from this page (VMSA){self._told(kind)}."
        if kind.reason in (StopReason.OWNER, StopReason.VMPL):
            reason = label(StopReason(kind.reason))
            return OTHER.format(reason=reason), f"The access was refused{self._told(kind)}."
        return self._private_words(kind, one)

    def _private_words(self, kind: _Access, one: Suspicion) -> tuple[str, str]:
        told = self._told(kind)
        held, ever = kind.before & HELD, kind.before & EVER
        if past_unknown(kind.before):
            return UNKNOWN, f"The trace begins too late to show the cause{told}."
        if missing := self.missing(one):
            return UNKNOWN, f"The trace does not show the cause: {missing}{told}."
        if by := _hot_added(one):
            return PLUGGED, f"{by}{told}."
        if by := _converting_vcpu(one, self.info.outcome):
            return BEING_CONVERTED, f"{by}{told}."
        converted = _last_conversion(one)
        if lost := _made_shared_by_host(one):
            return LOST, f"{lost}{told}."
        if held or kind.reason == StopReason.BLOCKED:
            return TAKEN, f"The host removed the page after the guest accepted it{told}."
        if converted == ConvertTo.SHARED and _by_first_kernel(one):
            return LEFT_SHARED, (
                "The first kernel converted the page to shared and did not convert it back "
                f"before it started the second kernel, which treats it as private{told}."
            )
        if converted == ConvertTo.SHARED:
            title = WRONG_BIT_PRIVATE.format(bit=self._bit)
            return (
                title,
                f"The guest converted the page to shared and accessed it as private{told}.",
            )
        if converted == ConvertTo.PRIVATE:
            return (
                CONVERTED,
                f"The guest converted the page to private and accessed it before accepting it{told}.",
            )
        if ever:
            return RESCINDED, f"The guest accepted the page and gave it back{told}."
        return self._never_words(kind, one, told)

    def _never_words(self, kind: _Access, one: Suspicion, told: str) -> tuple[str, str]:
        gpa = one.gpa or 0
        if self.info.handoff.bitmap is None and self.info.handoff.unaccepted:
            return WITHHELD, (
                "The kernel got no table of unaccepted memory, so it assumed the page "
                f"to be accepted{told}."
            )
        if one.stage == Stage.SECOND_DECOMPRESSOR:
            return UNACCEPTED_TARGET, (
                "The page was never accepted: neither the first kernel nor the "
                f"second kernel's decompressor accepted the second kernel's load address{told}."
            )
        straddles = kind.access == Access.READ and kind.bytes_before and gpa
        if straddles and self._states.at(gpa - 1) & STATE_MASK == State.ACCEPTED:
            where = "1 byte" if kind.bytes_before == 1 else f"{kind.bytes_before} bytes"
            return PAST_END, (
                f"The page before is accepted; the read began there, {where} before its end, and ran into this "
                f"page. The guard unit should prevent this{told}."
            )
        return NEVER, f"The page was never accepted before the access{told}."

    def _told(self, kind: _Access) -> str:
        if kind.kind == Kind.FAULT:
            return f"; the guest took a fault ({self.platform.fault})"
        if kind.kind == Kind.STOP:
            return f"; the access was a fatal exit ({label(StopReason(kind.reason))})"
        return "; the read returned ciphertext"


def _last_of(one: Suspicion, *kinds: Kind) -> dict[str, Any] | None:
    """The last event of these kinds on the page before the access, if it succeeded."""
    wanted = [label(kind) for kind in kinds]
    before = (event for event in reversed(one.history) if event["seq"] < one.events[0])
    return next((event for event in before if event["kind"] in wanted and _done(event)), None)


def _hot_added(one: Suspicion) -> str:
    """When the host added the page that the guest has not accepted since, in words; empty: it was accepted, or is no such page."""
    last = _last_of(one, Kind.ACCEPT, Kind.CONVERT, Kind.PLUG)
    if last is None or last["kind"] != label(Kind.PLUG):
        return ""
    before = [event for event in one.history if event["seq"] < last["seq"] and _done(event)]
    again = ", again" if any(event["kind"] == label(Kind.PLUG) for event in before) else ""
    return (
        f"The host added the memory while the guest ran{again} (event {last['seq']}), and the guest accessed it before it "
        "accepted it"
    )


def _by_first_kernel(one: Suspicion) -> bool:
    """Whether a second kernel accessed a page that was last converted before it began."""
    if one.stage is None or one.stage < Stage.SECOND_DECOMPRESSOR:
        return False
    conversions = [
        event
        for event in one.history
        if event["kind"] == label(Kind.CONVERT) and not _by_host(event)
    ]
    return STAGE_NAMES.index(conversions[-1]["stage"]) < Stage.SECOND_DECOMPRESSOR


def _last_conversion(one: Suspicion) -> int | None:
    """What the page was last converted to, if that came after its last accept."""
    last: int | None = None
    for event in one.history:
        if event["seq"] >= one.events[0]:
            break
        if event["result"] != 0 or event.get("carry") == 1:
            continue
        if event["kind"] == label(Kind.CONVERT):
            if not _by_host(event):
                last = int(event["detail"])
        elif event["kind"] in (label(Kind.ACCEPT), label(Kind.LAUNCH)):
            last = None
    return last


def _made_shared_by_host(one: Suspicion) -> str:
    """The shared access at which the host made the page shared since the guest last had it in order, in words; empty: none."""
    for event in reversed(one.history):
        if event["seq"] >= one.events[0] or not _done(event):
            continue
        if event["kind"] not in _CHANGES:
            continue
        if not _by_host(event):
            return ""
        if event["detail"] & 0xFF == ConvertTo.SHARED:
            return (
                f"The host converted the page to shared at a shared access of vCPU {event['vcpu']} (event {event['seq']}), "
                "and its content was lost"
            )
    return ""


def _converting_vcpu(one: Suspicion, outcome: str) -> str:
    """Who was converting the page when another vCPU used it, in words; empty: nobody was.

    A conversion to private ends with an accept, one to shared that began with a rescind ends with the conversion. One that the
    same vCPU ends after the access was going on; so was one that began just before the guest died of the access.
    """
    before = [event for event in one.history if event["seq"] < one.events[0] and _done(event)]
    changes = [event for event in before if event["kind"] in _CHANGES and not _by_host(event)]
    if not changes or changes[-1]["vcpu"] == one.vcpu:
        return ""
    last = changes[-1]
    private = last["kind"] == label(Kind.CONVERT) and last["detail"] == ConvertTo.PRIVATE
    if not private and last["kind"] != label(Kind.RESCIND):
        return ""
    ends = label(Kind.ACCEPT) if private else label(Kind.CONVERT)
    behind = [event for event in one.history if event["seq"] > one.events[0] and _done(event)]
    ended = any(event["kind"] == ends and event["vcpu"] == last["vcpu"] for event in behind[:1])
    died = outcome != "userspace" and not behind
    just_now = one.clock is not None and one.clock - last["clock"] < _JUST_NOW
    if not ended and not (died and just_now):
        return ""
    to = "private" if private else "shared"
    return f"vCPU {last['vcpu']} was making the page {to} (event {last['seq']}) when vCPU {one.vcpu} used it"


def _by_host(event: dict[str, Any]) -> bool:
    return bool(event["kind"] == label(Kind.CONVERT) and event["detail"] & CONVERT_IMPLICIT)


def _done(event: dict[str, Any]) -> bool:
    return bool(event["result"] == 0 and event.get("carry") != 1)
