# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.5: how a secure-EPT entry changes its state."""

from __future__ import annotations

import pytest

from tests.model.names import (
    SEPT_STATES,
    Stop,
    Verdict,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    PAGE,
    UNIT,
)
from tests.model.td import SeptTree
from tests.model.vectors.tdx import (
    ACCEPTED,
    ALREADY_BLOCKED,
    FRESH,
    INCORRECT,
    INVALID,
    NOT_BLOCKED,
    NOT_FREE,
    NOT_TRACKED,
    PAGE_NOT_FREE,
    PROMOTE,
    WALK_FAILED,
    large,
    set_state,
    small,
    status,
    tdx,
)

row = Rows()


@row("2.5-sept-add")
def _() -> None:
    tree = SeptTree(2)
    assert tree.call("sept_add", 0) == 0
    assert tree.state(0) == ("FREE", 0)
    assert tree.call("sept_add", 0) == NOT_FREE
    assert tree.call("sept_add", PAGE) == INVALID | 1
    assert tree.call("sept_add", 2 * UNIT) == INVALID | 1


@row("2.5-page-add")
def _() -> None:
    tree = SeptTree(2, running=False)
    assert tree.call("page_add", 0) == WALK_FAILED
    tree.call("sept_add", 0)
    assert tree.call("page_add", 0) == 0
    assert tree.state(0) == ("MAPPED", 0)
    assert tree.call("page_add", 0) == NOT_FREE
    late = SeptTree(2)
    late.call("sept_add", 0)
    assert late.call("page_add", 0) == 0xC000060800000000
    assert late.state(0) == ("FREE", 0)


@row("2.5-page-aug")
def _() -> None:
    for state in ("FREE", "REMOVED"):
        tree = large(state)
        assert tree.call("page_aug", 0, 1, 0) == 0
        assert tree.state(0) == ("PENDING", 1)
    for state in ("PENDING", "MAPPED", "BLOCKED", "NL_MAPPED"):
        assert large(state).call("page_aug", 0, 1, 0) == NOT_FREE
    assert SeptTree(2).call("page_aug", 0, 0, 0) == WALK_FAILED
    assert SeptTree(2).call("page_aug", 0, 1, UNIT) == PAGE_NOT_FREE
    assert SeptTree(2).call("page_aug", 0, 2, 0) == INVALID | 1
    assert SeptTree(2).call("page_aug", PAGE, 1, PAGE) == INVALID | 1


BLOCKS = {
    "NL_MAPPED": "NL_BLOCKED",
    "MAPPED": "BLOCKED",
    "BLOCKEDW": "BLOCKED",
    "PENDING": "PENDING_BLOCKED",
    "PENDING_BLOCKEDW": "PENDING_BLOCKED",
}


@row("2.5-range-block")
def _() -> None:
    for state in SEPT_STATES:
        tree = large(state)
        result = tree.call("range_block", 0, 1)
        if state in BLOCKS:
            assert result == 0
            assert tree.state(0) == (BLOCKS[state], 1)
        elif state in BLOCKS.values():
            assert result == ALREADY_BLOCKED
        else:
            assert result == INCORRECT


@row("2.5-range-unblock")
def _() -> None:
    for blocked in ("MAPPED", "PENDING"):
        tree = large(blocked)
        tree.call("range_block", 0, 1)
        assert tree.call("range_unblock", 0, 1) == NOT_TRACKED
        assert tree.call("track") == 0
        assert tree.call("range_unblock", 0, 1) == 0
        assert tree.state(0) == (blocked, 1)
        assert tree.call("range_unblock", 0, 1) == INCORRECT
    tree = large("NL_MAPPED")
    tree.call("range_block", 0, 1)
    assert tree.call("page_aug", 0, 0, 0) == WALK_FAILED
    tree.call("track")
    assert tree.call("range_unblock", 0, 1) == 0
    assert tree.call("page_aug", 0, 0, 0) == 0


@row("2.5-page-remove")
def _() -> None:
    for state in ("MAPPED", "BLOCKEDW", "PENDING", "PENDING_BLOCKEDW"):
        tree = large(state)
        assert tree.call("page_remove", 0, 1) == NOT_BLOCKED
        tree.call("range_block", 0, 1)
        assert tree.call("page_remove", 0, 1) == NOT_TRACKED
        tree.call("track")
        assert tree.call("page_remove", 0, 1) == 0
        assert tree.state(0) == ("FREE", 1)
        quiet = SeptTree(2, running=False)
        set_state(quiet, 0, 1, state)
        assert quiet.call("page_remove", 0, 1) == 0
    for state in ("FREE", "REMOVED", "NL_MAPPED", "NL_BLOCKED", "EXPORTED_DIRTY"):
        assert large(state).call("page_remove", 0, 1) == INCORRECT


@row("2.5-page-demote")
def _() -> None:
    for state in ("MAPPED", "PENDING"):
        tree = large(state)
        assert tree.call("page_demote", 0) == NOT_BLOCKED
        tree.call("range_block", 0, 1)
        assert tree.call("page_demote", 0) == NOT_TRACKED
        tree.call("track")
        assert tree.call("page_demote", 0) == 0
        assert [tree.state(n * PAGE) for n in (0, 511)] == [(state, 0)] * 2
        assert tree.state(UNIT) == ("FREE", 1)
    for state in ("FREE", "NL_MAPPED", "BLOCKEDW", "EXPORTED_DIRTY"):
        assert large(state).call("page_demote", 0) == INCORRECT


@row("2.5-page-promote")
def _() -> None:
    for state in ("MAPPED", "PENDING"):
        tree = SeptTree(2)
        tree.call("sept_add", 0)
        for page in range(512):
            set_state(tree, page * PAGE, 0, state)
        assert tree.call("page_promote", 0) == 0
        assert tree.state(511 * PAGE) == (state, 1)
    mixed = small("MAPPED")
    assert mixed.call("page_promote", 0) == PROMOTE
    for page in range(511):
        set_state(mixed, page * PAGE, 0, "MAPPED")
    assert mixed.call("page_promote", 0) == PROMOTE
    assert small("FREE").call("page_promote", 0) == PROMOTE
    assert small("BLOCKED").call("page_promote", 0) == PROMOTE
    assert large("MAPPED").call("page_promote", 0) == INCORRECT


@row("2.5-page-accept")
def _() -> None:
    vm = tdx()
    assert status(vm, FRESH | 1) == 0
    assert vm.sept_state(FRESH) == ("MAPPED", 1)


@row("2.5-wrong-state")
def _() -> None:
    tree = large("REMOVED")
    for call, arguments in (
        ("range_block", (0, 1)),
        ("range_unblock", (0, 1)),
        ("page_remove", (0, 1)),
        ("page_demote", (0,)),
        ("page_promote", (0,)),
    ):
        assert tree.call(call, *arguments) == INCORRECT


@row("2.5-remove-and-aug")
def _() -> None:
    """An accepted page that the host swaps is pending again, never stale or the host's."""
    vm = tdx()
    assert vm.act("attack_remove_aug", ACCEPTED + PAGE) == 0
    verdict, fault = vm.access(ACCEPTED + PAGE)
    assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.PENDING)
    assert vm.access(ACCEPTED)[0] == Verdict.ALLOWED
    assert vm.accepted() == UNIT - PAGE
    assert (ACCEPTED + PAGE, PAGE) in vm.recorder.lost()
    noisy = tdx(attributes=0)
    noisy.act("attack_remove_aug", ACCEPTED)
    assert noisy.access(ACCEPTED)[0] == Verdict.GUEST_FAULT


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
