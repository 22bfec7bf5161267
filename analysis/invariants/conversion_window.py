# SPDX-License-Identifier: GPL-2.0-only
"""Shared accesses to a private page that another vCPU is converting (semantics.md 2.10.4, 2.10.6).

Linux leaves a shared mapping of a private page for a moment in both directions: to private it converts the page first, to
shared it changes the mapping first. An access of another vCPU meanwhile says nothing about the bit of its mapping.
"""

from __future__ import annotations

from typing import Any

from acceptlab.analysis.invariants.invariant import Suspects, Suspicion
from acceptlab.analysis.trace.schema import CONVERT_IMPLICIT, ConvertTo, Kind, label

_TO = 0xFF
_HOST = {label(kind) for kind in (Kind.ASSIGN, Kind.SPLIT)}
_GUEST = {label(kind) for kind in (Kind.ACCEPT, Kind.CONVERT, Kind.RESCIND, Kind.RELEASE)}


def made_private_by(one: Suspicion) -> int | None:
    """The other vCPU whose conversion to private is the page's last one before the access, or None."""
    for event in reversed(one.history):
        if event["seq"] >= one.events[0] or not _by_guest(event):
            continue
        if event["kind"] == label(Kind.CONVERT):
            private = event["detail"] & _TO == ConvertTo.PRIVATE
            return int(event["vcpu"]) if private and event["vcpu"] != one.vcpu else None
    return None


def private_by_request(one: Suspicion) -> bool:
    """Whether the page's last conversion that the guest requested before the event was to private."""
    before = [
        event["detail"] & _TO
        for event in one.history
        if event["seq"] < one.events[0]
        and event["kind"] == label(Kind.CONVERT)
        and _by_guest(event)
    ]
    return bool(before) and before[-1] == ConvertTo.PRIVATE


def accepted_next(one: Suspicion) -> bool:
    """Whether the guest's next act on the page is an accept by the vCPU of the event: that made the host act."""
    after = (event for event in one.history if event["seq"] > one.events[0])
    following = next((event for event in after if event["kind"] not in _HOST), None)
    return (
        following is not None
        and following["kind"] == label(Kind.ACCEPT)
        and following["vcpu"] == one.vcpu
    )


def made_shared_next(one: Suspicion) -> bool:
    """Whether the guest's next act on the page is another vCPU's conversion to shared: it was under way at the access."""
    after = (event for event in one.history if event["seq"] > one.events[0] and _by_guest(event))
    following = next(after, None)
    return (
        following is not None
        and following["kind"] == label(Kind.CONVERT)
        and following["detail"] & _TO == ConvertTo.SHARED
        and following["vcpu"] != one.vcpu
    )


def drop_harmless(suspects: Suspects) -> int:
    """Take back the accesses to pages that were on their way to shared; return how many."""
    left = [one for one in suspects.kept if not made_shared_next(one)]
    harmless = len(suspects.kept) - len(left)
    suspects.kept = left
    suspects.total -= harmless
    return harmless


def keep_accepts(suspects: Suspects) -> None:
    """Of implicit conversions to private, keep those at an accept of a page that the guest had not converted to private itself."""
    left = [one for one in suspects.kept if accepted_next(one) and not private_by_request(one)]
    suspects.total -= len(suspects.kept) - len(left)
    suspects.kept = left


def _by_guest(event: dict[str, Any]) -> bool:
    if event["kind"] not in _GUEST or event["result"] != 0 or event.get("carry") == 1:
        return False
    return not (event["kind"] == label(Kind.CONVERT) and event["detail"] & CONVERT_IMPLICIT)
