# SPDX-License-Identifier: GPL-2.0-only
"""From a batch of events to the entries and returns of probes, each with what its vCPU had done so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.measure.latency.probed_calls import ENTRY, Rows
from acceptlab.analysis.measure.latency.stalls import ENCLOSING, Where, where_of
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind

COLUMNS = ("clock", "vcpu", "stage", "kind", "gpa", "size", "result", "carry", "caller", "detail")
_VCPUS = 1 << 16

Weigh = Callable[[Batch, npt.NDArray[np.intp]], npt.NDArray[np.uint64]]
"""What the events at these positions cost, ns, by a cost profile."""
U64 = npt.NDArray[np.uint64]
Number = TypeVar("Number", np.int64, np.uint64)


class Trail:
    """Carries, from batch to batch, what every vCPU has accepted and which functions it is in."""

    def __init__(self, probes: Sequence[str], weigh: Weigh | None = None) -> None:
        self._weigh = weigh
        self._done: U64 = np.zeros(_VCPUS, np.uint64)
        self._modelled: U64 = np.zeros(_VCPUS, np.uint64)
        self._within = {
            code: np.array([index for index, name in enumerate(probes) if where_of(name) is where])
            for code, where in enumerate(ENCLOSING)
        }
        self._depth = [np.zeros(_VCPUS, np.int64) for _ in ENCLOSING]

    @property
    def tells_where(self) -> bool:
        """Whether any probe is on a function that classifies stalls."""
        return any(len(probes) for probes in self._within.values())

    def rows(self, batch: Batch) -> tuple[Rows, npt.NDArray[np.bool_]]:
        """The probes' events of a batch, in order, and which of them are entries."""
        kind = batch["kind"]
        is_probe = (kind == Kind.PROBE_ENTER) | (kind == Kind.PROBE_RETURN)
        chosen = np.flatnonzero(is_probe | (kind == Kind.ACCEPT) | (kind == Kind.CONVERT))
        vcpu = batch["vcpu"][chosen].astype(np.int64)
        done = running(vcpu, self._accepted(batch, chosen), self._done)
        modelled = done
        if self._weigh is not None:
            modelled = running(vcpu, self._weigh(batch, chosen), self._modelled)
        mine = np.flatnonzero(is_probe[chosen])
        at = chosen[mine]
        enters = np.asarray(kind[at] == Kind.PROBE_ENTER)
        rows = np.zeros(len(at), ENTRY)
        probe = batch["detail"][at].astype(np.int64)
        rows["key"] = probe << 16 | vcpu[mine]
        rows["position"] = batch.start + at
        for name in ("clock", "stage", "caller"):
            rows[name] = batch[name][at]
        rows["argument"], rows["second"] = batch["gpa"][at], batch["size"][at]
        rows["done"], rows["modelled"] = done[mine], modelled[mine]
        rows["where"] = self._where(probe, vcpu[mine], enters)
        return rows, enters

    @staticmethod
    def _accepted(batch: Batch, chosen: npt.NDArray[np.intp]) -> U64:
        """Bytes that each event accepted."""
        took = (batch["kind"][chosen] == Kind.ACCEPT) & (batch["result"][chosen] == 0)
        took &= batch["carry"][chosen] != 1
        return np.where(took, batch["size"][chosen], 0).astype(np.uint64)

    def _where(
        self,
        probe: npt.NDArray[np.int64],
        vcpu: npt.NDArray[np.int64],
        enters: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.uint8]:
        """The first of ``ENCLOSING`` that the vCPU is in at each event, before it."""
        found = np.full(len(probe), len(ENCLOSING), np.uint8)
        for code in reversed(range(len(ENCLOSING))):
            if not len(self._within[code]):
                continue
            step = np.where(np.isin(probe, self._within[code]), np.where(enters, 1, -1), 0)
            depth = running(vcpu, step, self._depth[code]) - step
            found[depth > 0] = code
            np.maximum(self._depth[code], 0, out=self._depth[code])
        return found


def running(
    vcpu: npt.NDArray[np.int64], weight: npt.NDArray[Number], carried: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Sums so far by vCPU, this event included; ``carried`` holds them from batch to batch and is brought up to date."""
    order = np.argsort(vcpu, kind="stable")
    sums = np.cumsum(weight[order], dtype=carried.dtype)
    here = vcpu[order]
    starts = np.flatnonzero(np.diff(here, prepend=-1))
    lengths = np.diff(np.append(starts, len(here)))
    base = carried[here[starts]] - (sums[starts] - weight[order][starts].astype(carried.dtype))
    sums = sums + np.repeat(base, lengths)
    if len(here):
        carried[here[starts]] = sums[starts + lengths - 1]
    found = np.empty_like(sums)
    found[order] = sums
    return found


def name_of(code: int) -> Where:
    """What a row's ``where`` says."""
    return ENCLOSING[code] if code < len(ENCLOSING) else Where.UNKNOWN
