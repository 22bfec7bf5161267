# SPDX-License-Identifier: GPL-2.0-only
"""What a trace cannot show: the names that run.json's ``absent`` may hold, and their meaning.

The emulator sees everything, so its runs have an empty list. A trace made inside a guest lists what
its recorder could not see, and nothing else; a thing that could be seen but did not happen is not
absent. An invariant that needs an absent thing is 'not decidable', never 'holds', and what can
only be inferred with its help is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.trace.schema import KIND_NAMES, Kind, label

EARLY = "early"
HANDOFF = "handoff"
PAGE_STATES = "page-states"
RESULTS = "results"
BLOCKS = "blocks"

_PARTS = {
    EARLY: "events before the recorder started",
    HANDOFF: "the state of memory at the kernel's first instruction (run.json's handoff)",
    PAGE_STATES: "snapshots of the true page states (bitmap/*.pages)",
    RESULTS: "result codes and carry flags of accepts and rescinds",
    BLOCKS: "single accepts: an event covers the range of a function call",
}

_ALWAYS = {label(kind) for kind in (Kind.RAM, Kind.LAUNCH, Kind.END)}
"""Kinds that are no names: HANDOFF stands for the first two, and every complete trace has an end."""

_KINDS = {name: f"events of kind {name}" for name in KIND_NAMES if name not in _ALWAYS}

ABSENT: dict[str, str] = {**_KINDS, **_PARTS}
"""Every allowed name and what it says is missing: a kind of event, or one of the parts."""

OUTSIDE_THE_GUEST = (
    "assign",
    "attack",
    "ciphertext",
    "dma-refused",
    PAGE_STATES,
    "remove",
    "split",
    "stop",
)
"""What no recorder inside a guest can see: what the host does, and what it keeps to itself."""


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names, sorted and each once; raises BadInput for one that is not in ``ABSENT``."""
    found = tuple(sorted(set(names)))
    unknown = [name for name in found if name not in ABSENT]
    if unknown:
        raise BadInput(f"absent names {unknown[0]!r}, which is not one of {', '.join(ABSENT)}")
    return found


def in_words(names: Iterable[str]) -> str:
    """The things of that name, for a sentence."""
    return ", ".join(ABSENT[name] for name in names)
