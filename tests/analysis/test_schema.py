# SPDX-License-Identifier: GPL-2.0-only
"""The schema of the readers against the record that C writes."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.trace import schema

MODEL = Path(__file__).parents[2] / "emulator" / "model"
HEADERS = "".join((MODEL / name).read_text() for name in ("event.h", "attack.h"))
SOURCE = re.sub(r"/\*.*?\*/", "", HEADERS, flags=re.S)
C_TYPES = {"uint64_t": "<u8", "uint16_t": "<u2", "uint8_t": "u1"}


def event_kinds() -> dict[str, int]:
    """Return the list from which C makes ``enum event_kind``, the names in reports and the calls of the trace-events."""
    text = (MODEL / "event_kinds.h").read_text()
    listed = re.findall(r"^\tKIND\((\d+), (\w+), (\w+)\)", text, re.M)
    assert [name.lower() for _, name, _ in listed] == [word for *_, word in listed]
    return {name: int(number) for number, name, _ in listed}


def c_enum(name: str, prefix: str) -> dict[str, int]:
    body = re.search(rf"enum {name} {{(.*?)}};", SOURCE, re.S)
    assert body is not None, f"event.h has no enum {name}"
    pairs = re.findall(rf"{prefix}(\w+)\s*=\s*(\d+)", body[1])
    assert pairs
    return {key: int(value) for key, value in pairs}


@pytest.mark.parametrize(
    ("ours", "name", "prefix"),
    [
        (schema.Stage, "stage", "STAGE_"),
        (schema.ConvertTo, "convert_to", "CONVERT_"),
        (schema.Attack, "attack", "ATTACK_"),
        (schema.Access, "access_kind", "ACCESS_"),
        (schema.StopReason, "stop_reason", "STOP_"),
        (schema.CallerHow, "caller_how", "CALLER_"),
    ],
)
def test_enums_are_those_of_the_header(ours: type[IntEnum], name: str, prefix: str) -> None:
    assert {member.name: member.value for member in ours} == c_enum(name, prefix)


def test_kinds_are_those_of_the_list() -> None:
    assert {kind.name: kind.value for kind in schema.Kind} == event_kinds()


def test_the_record_has_the_fields_of_the_struct_in_order() -> None:
    body = re.search(r"struct acc_event {(.*?)};", SOURCE, re.S)
    assert body is not None
    declared = re.findall(r"(\w+)\s+(\w+)(?:\[(\d+)\])?;", body[1])
    fields = [(name, C_TYPES[kind], int(count or 1)) for kind, name, count in declared]
    ours = [
        (name, dtype.base.str.replace("|", ""), int(np.prod(dtype.shape)) if dtype.shape else 1)
        for name, (dtype, *_) in schema.RAW_DTYPE.fields.items()
    ]
    assert ours == fields


def test_the_record_has_no_padding_that_c_would_add() -> None:
    # 64-bit members come first and the rest fills whole 8 bytes, so C adds none.
    assert schema.RAW_DTYPE.itemsize % 8 == 0
    assert not schema.RAW_DTYPE.isalignedstruct


def test_constants_of_the_header() -> None:
    assert re.search(rf"EVENT_NO_CARRY\s+0x{schema.NO_CARRY:x}\b", SOURCE)
    assert re.search(r"ACCESS_DETAIL_PRIVATE\s+\(1u << 8\)", SOURCE)
    assert schema.ACCESS_DETAIL_PRIVATE == 1 << 8


def test_every_column_is_documented() -> None:
    assert schema.__doc__ is not None
    documented = re.findall(r"^(\w+) {2,}\S", schema.__doc__, re.M)
    assert documented[1:] == schema.COLUMNS
