# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.4: states of secure-EPT entries."""

from __future__ import annotations

import pytest

from tests.model.library import library
from tests.model.names import (
    SEPT_STATES,
    Reach,
)
from tests.model.rows import Rows, Vector
from tests.model.vectors.tdx import (
    large,
)

row = Rows()


# state: encoding, API code, guest may read, guest may write, ACCEPT (None: exit)
STATES: dict[str, tuple[int, int, bool, bool, str]] = {
    "FREE": (0x0E, 0, False, False, "exit"),
    "REMOVED": (0x0C, 5, False, False, "exit"),
    "NL_MAPPED": (0x00, 132, False, False, "mismatch"),
    "NL_BLOCKED": (0x08, 129, False, False, "mismatch"),
    "MAPPED": (0x60, 4, True, True, "already"),
    "BLOCKED": (0x68, 1, False, False, "exit"),
    "BLOCKEDW": (0x64, 8, True, False, "already"),
    "PENDING": (0x70, 2, False, False, "zero"),
    "PENDING_BLOCKED": (0x78, 3, False, False, "exit"),
    "PENDING_BLOCKEDW": (0x74, 16, False, False, "exit"),
    "EXPORTED_BLOCKEDW": (0x66, 9, True, False, "already"),
    "EXPORTED_DIRTY": (0x63, 11, True, True, "already"),
    "EXPORTED_DIRTY_BLOCKEDW": (0x67, 12, True, False, "already"),
    "PENDING_EXPORTED_BLOCKEDW": (0x76, 17, False, False, "exit"),
    "PENDING_EXPORTED_DIRTY": (0x73, 19, False, False, "zero"),
    "PENDING_EXPORTED_DIRTY_BLOCKEDW": (0x77, 20, False, False, "exit"),
}
assert list(STATES) == SEPT_STATES


def state_vector(name: str) -> Vector:
    def vector() -> None:
        encoding, api, readable, writable, accepted = STATES[name]
        lib = library()
        assert lib.sept_encoding(SEPT_STATES.index(name)) == encoding
        assert lib.sept_api_code(SEPT_STATES.index(name)) == api
        tree = large(name)
        if name != "NL_MAPPED":  # the walk goes on below it
            assert (tree.access(0, Reach.READ, 1)[0] == 0) == readable
            assert (tree.access(0, Reach.WRITE, 1)[0] == 0) == writable
        outcome, rax, _ = tree.accept(0, 1)
        found = {1: "exit", 2: "zero"}.get(outcome)
        if outcome == 0:
            found = "already" if rax >> 32 == 0xB0A else "mismatch"
        assert found == accepted

    return vector


for _name in STATES:
    row(f"2.4-{_name.lower().replace('_', '-')}")(state_vector(_name))


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
