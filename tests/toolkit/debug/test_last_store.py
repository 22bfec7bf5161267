# SPDX-License-Identifier: GPL-2.0-only
"""`debug --last store`: the last store that changed the bit of a page in the table of unaccepted memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.kernel.symbols import NO_SYMBOLS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from acceptlab.toolkit.debug.moment import halt_at_last
from acceptlab.toolkit.errors import BadInputError
from tests.analysis.synthetic import MIB, Guest

SPARE = 56 * MIB // UNIT_SIZE
"""A unit, counted from the first bit, that the boot does not accept."""


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Run, int, list[int]]:
    """Return a run in which a unit's bit is cleared, set and cleared, the unit, and the events."""
    guest = Guest(watched=True)
    guest.boot()
    numbers = []
    for value in (False, True, False):
        guest.store_bits(SPARE, SPARE + 1, value)
        numbers.append(len(guest.rows) - 1)
        guest.store_bits(SPARE + 1, SPARE + 2, value)
    guest.store(0, 1, 2)
    guest.work()
    guest.end()
    assert [guest.rows[one][9] for one in numbers] == [Kind.TABLE_STORE] * 3
    return Run.open(guest.write(tmp_path / "run")), guest.layout.low + SPARE * UNIT_SIZE, numbers


def last(run: Run, page: int, before: int | None = None) -> int | None:
    return halt_at_last(run, NO_SYMBOLS, page, "store", before).event


def test_the_last_store_is_the_page_s_own(stored: tuple[Run, int, list[int]]) -> None:
    run, page, numbers = stored
    assert last(run, page) == numbers[2]
    assert last(run, page + UNIT_SIZE - 1) == numbers[2]
    assert last(run, page + UNIT_SIZE) == numbers[2] + 1


def test_before_an_event_it_is_an_earlier_one(stored: tuple[Run, int, list[int]]) -> None:
    run, page, numbers = stored
    assert last(run, page, numbers[2]) == numbers[1]
    assert last(run, page, numbers[1]) == numbers[0]
    with pytest.raises(BadInputError, match=f"a store to the bit of .* before event #{numbers[0]}"):
        last(run, page, numbers[0])


def test_the_halt_is_about_the_page(stored: tuple[Run, int, list[int]]) -> None:
    run, page, numbers = stored
    halt = halt_at_last(run, NO_SYMBOLS, page, "store", None)
    assert (halt.at, halt.page) == (f"event:{numbers[2]}", page)
    assert (
        halt.title == f"event #{numbers[2]} (table-store), the last store to the bit of {page:#x}"
    )


def test_a_page_without_a_bit_is_refused(stored: tuple[Run, int, list[int]]) -> None:
    run, _, _ = stored
    for outside in (1 << 50, 0):
        with pytest.raises(BadInputError):
            last(run, outside)


def test_a_kernel_without_a_table_is_refused(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.work()
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    with pytest.raises(BadInputError, match="a store to the bit"):
        last(run, guest.layout.low)
