# SPDX-License-Identifier: GPL-2.0-only
"""The columns of exported tables: those of events.parquet and the names of functions, each with what it is and in which unit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.trace.events import BATCH_EVENTS, Batch, EventFile
from acceptlab.analysis.trace.schema import ARROW_SCHEMA, CALLER_HOW_NAMES, KIND_NAMES, STAGE_NAMES

FUNCTION, CALLER_FUNCTION = "function", "caller_function"
CLOCK = "units of the run's clock"
"""Replaced by what run.json says: instructions or ns."""
ABOUT: dict[str, tuple[str, str]] = {
    "seq": ("", "number of the event: 0, 1, 2 ...; one that is missing is an event gap"),
    "clock": (CLOCK, "when"),
    "vcpu": ("", "index of the vCPU that caused the event"),
    "stage": ("", "what the guest was executing"),
    "kind": ("", "what happened (docs/run-folder.md, Kinds)"),
    "gpa": ("bytes", "guest physical address, without C-bit or SHARED bit"),
    "size": ("bytes", "size of the range; of an access its bytes"),
    "result": ("", "EAX, RAX or status, 0 is success; of a stop the reason"),
    "carry": ("", "carry flag of PVALIDATE, 1: no change; nothing where there is no such flag"),
    "rip": ("", "the guest's instruction pointer; 0: not known"),
    "caller": ("", "return address of the function at rip, best effort; 0: not known"),
    "caller_how": ("", "how the caller was found; nothing: not known"),
    "duration": (CLOCK, "measured time of the operation; nothing: nobody measured it"),
    "detail": ("", "depends on the kind (docs/run-folder.md, Kinds)"),
    FUNCTION: ("", "function at rip; empty: no name"),
    CALLER_FUNCTION: (
        "",
        "function that caller is in, with ~ where it may be another one; empty: no name, or a guess",
    ),
}
"""Unit and meaning of each column; a column without a unit is a number or a name."""
_NAMES = {"stage": STAGE_NAMES, "kind": KIND_NAMES, "caller_how": CALLER_HOW_NAMES}
_DATATYPES = {"uint8": "unsignedByte", "uint16": "unsignedShort", "uint64": "unsignedLong"}
"""Arrow's names of types by those of XML Schema, which CSV on the Web uses; any other column is a string."""


def documented(clock: str, *, plain: bool = False) -> pa.Schema:
    """The schema with unit and meaning at each field; ``plain``: with strings in place of dictionaries."""
    fields = [
        *ARROW_SCHEMA,
        pa.field(FUNCTION, pa.string()),
        pa.field(CALLER_FUNCTION, pa.string()),
    ]
    return pa.schema([_field(one, clock, plain) for one in fields])


def csvw(file: str, clock: str) -> dict[str, Any]:
    """The columns as metadata of a CSV file (W3C, Metadata Vocabulary for Tabular Data)."""
    columns = []
    for field in documented(clock, plain=True):
        unit, about = _about(field.name, clock)
        one: dict[str, Any] = {
            "name": field.name,
            "titles": field.name,
            "datatype": _DATATYPES.get(str(field.type), "string"),
            "dc:description": f"{about} [{unit}]" if unit else about,
        }
        if field.name in _NAMES:
            one["datatype"] = {"base": "string", "format": "|".join(_NAMES[field.name])}
        columns.append(one)
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": file,
        "tableSchema": {"columns": columns},
    }


def csvw_text(file: str, clock: str) -> str:
    """The same as JSON text."""
    return json.dumps(csvw(file, clock), indent=2) + "\n"


def tables(events: EventFile, names: FunctionNames, schema: pa.Schema) -> Iterator[pa.Table]:
    """All events in pieces, with the columns of ``schema``; raises BadInput when the file is damaged."""
    batches: Iterator[Batch] = events.batches(batch_events=BATCH_EVENTS)
    for table, batch in zip(events.tables(BATCH_EVENTS), batches, strict=True):
        whole = table.append_column(FUNCTION, pa.array(names.of(batch), pa.string()))
        whole = whole.append_column(CALLER_FUNCTION, pa.array(names.callers_of(batch), pa.string()))
        yield whole.cast(schema)


def _field(field: pa.Field, clock: str, plain: bool) -> pa.Field:
    unit, about = _about(field.name, clock)
    kind = pa.string() if plain and pa.types.is_dictionary(field.type) else field.type
    metadata = {"about": about} | ({"unit": unit} if unit else {})
    return pa.field(field.name, kind, field.nullable, metadata)


def _about(name: str, clock: str) -> tuple[str, str]:
    unit, about = ABOUT[name]
    return clock if unit == CLOCK else unit, about
