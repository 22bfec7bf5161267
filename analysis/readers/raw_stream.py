# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's own stream: records of 72 bytes (``analysis.trace.schema.RAW_DTYPE``), END last."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.trace.schema import KIND_NAMES, RAW_DTYPE, STAGE_NAMES
from acceptlab.analysis.trace.stream import Completeness

CHUNK_RECORDS = 1 << 18
_RECORD = RAW_DTYPE.itemsize


def recognises(head: bytes) -> bool:
    """Whether ``head`` begins with records 0 and 1 of a stream (or as much of them as there is)."""
    if len(head) < _RECORD:
        return False
    records = np.frombuffer(head, RAW_DTYPE, min(len(head) // _RECORD, 2))
    known = (records["kind"] >= 1) & (records["kind"] <= len(KIND_NAMES))
    known &= records["stage"] < len(STAGE_NAMES)
    known &= ~records["reserved"].any(axis=1) & (records["seq"] == np.arange(len(records)))
    return bool(known.all())


def read(source: Opened, recorder: Recorder) -> None:
    """Every usable record; says by number and byte where the stream is damaged."""
    recorder.source, recorder.clock_unit = "emulator", "instructions"
    completeness = Completeness()
    try:
        while data := source.read_whole(CHUNK_RECORDS * _RECORD):
            whole = len(data) // _RECORD
            usable = completeness.accept(np.frombuffer(data, RAW_DTYPE, whole))
            if len(usable):
                recorder.records(usable)
            if len(usable) < whole:
                break
            if len(data) % _RECORD:
                completeness.partial_record(len(data) % _RECORD)
        completeness.finish()
    finally:
        if completeness.problem is not None:
            kept = (
                f"{completeness.records} records ({completeness.records * _RECORD} bytes) were read"
            )
            recorder.incomplete(f"{completeness.problem} ({kept})")
    if not completeness.records:
        raise Damaged("it contains no complete record")
