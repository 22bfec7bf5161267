# SPDX-License-Identifier: GPL-2.0-only
"""The C-bit or SHARED bit of a mapping that does not fit the page (semantics.md 1.6, 2.6)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, SHARED_ALIAS, SHARED_BIT
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

AT = FRESH + 9 * PAGE
NPF_RMP, NPF_FINAL = 1, 2
EPT_VIOLATION = 48


@pytest.mark.parametrize("case", ["shared_write", "shared_read_then_write"])
def test_snp_shared_write_of_a_private_page_stops(bare: Boot, case: str) -> None:
    run = bare("snp", "wrong_bit", f"case_{case}")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at("at_write64"), "write")
    assert (stop.reason, stop.private) == ("shared-access", False)
    assert stop.platform == NPF_RMP | NPF_FINAL
    assert run.said("written") == []


def test_snp_shared_read_of_a_private_page_gives_ciphertext(bare: Boot) -> None:
    run = bare("snp", "wrong_bit", "case_shared_read")
    assert run.value("same") == 0, "the guest read its own plaintext without the key"
    assert run.value("private") == 0x1122334455667788
    seen = run.only("ciphertext")
    assert (seen.gpa, seen.rip, seen.private) == (AT, run.at("at_read64"), False)
    assert run.said("exception") == []


def test_snp_shared_read_modify_write_of_a_private_page_stops_before_it_reads(bare: Boot) -> None:
    run = bare("snp", "wrong_bit", "case_shared_exchange")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at("at_exchange64"), "write")
    assert run.of("ciphertext") == []


@pytest.mark.parametrize(
    ("case", "symbol", "access"),
    [
        ("shared_write", "at_write64", "write"),
        ("shared_read", "at_read64", "read"),
        ("shared_exchange", "at_exchange64", "write"),
    ],
)
def test_tdx_shared_access_to_a_private_page_stops(
    bare: Boot, case: str, symbol: str, access: str
) -> None:
    run = bare("tdx", "wrong_bit", f"case_{case}")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at(symbol), access)
    assert (stop.reason, stop.private, stop.platform) == ("shared-access", False, EPT_VIOLATION)


@pytest.mark.parametrize(("case", "symbol"), [("read", "at_read8"), ("write", "at_write8")])
def test_shared_access_to_a_page_of_nobody_stops(
    bare: Boot, platform: str, case: str, symbol: str
) -> None:
    run = bare(platform, "wrong_bit", f"case_shared_{case}_of_unaccepted")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at(symbol), case)
    assert (stop.reason, stop.private) == ("shared-access", False)


def test_snp_fetch_is_private_whatever_the_c_bit_says(bare: Boot) -> None:
    run = bare("snp", "wrong_bit", "case_fetch_private_page")
    assert run.said("fetched") == [{"exceptions": 0}]
    assert run.value("same") == 0, "the fetch opened the page for a shared read"
    assert run.only("ciphertext").rip == run.at("at_read8")


def test_snp_fetch_from_a_shared_page_stops(bare: Boot) -> None:
    run = bare("snp", "wrong_bit", "case_fetch_shared_page")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, AT + SHARED_ALIAS, "fetch")
    assert (stop.reason, stop.private) == ("not-assigned", True)


@pytest.mark.parametrize("case", ["fetch_private_page", "fetch_shared_page"])
def test_tdx_shared_fetch_is_a_page_fault(bare: Boot, case: str) -> None:
    """A TD executes private memory only; the kind of fault is not confirmed by the sources."""
    run = bare("tdx", "wrong_bit", f"case_{case}")
    raised = run.said("exception")[0]
    present, reserved, fetch = 1 << 0, 1 << 3, 1 << 4
    assert (raised["vector"], raised["error"]) == (14, present | reserved | fetch)
    assert raised["rip"] == raised["cr2"] == AT + SHARED_ALIAS


def test_page_tables_are_private_whatever_their_entry_says(bare: Boot, platform: str) -> None:
    run = bare(platform, "wrong_bit", "case_shared_page_table")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at("at_read8"), "walk")
    assert (stop.reason, stop.private) == ("not-assigned", True)


def test_tdx_shared_access_may_be_a_ve(bare: Boot) -> None:
    """The host's choice (semantics.md 2.10.2): #VE with a SHARED address."""
    setup = Setup(properties=("shared-access=ve",))
    run = bare("tdx", "wrong_bit", "case_shared_write", setup)
    fault = run.only("fault")
    assert (fault.gpa, fault.rip) == (AT, run.at("at_write64"))
    assert (fault.access, fault.private) == ("write", False)
    [raised] = run.said("exception")
    assert (raised["vector"], raised["rip"]) == (20, run.at("at_write64"))
    assert run.said("ve")[0]["gpa"] == AT | 1 << SHARED_BIT
    assert run.of("stop") == []


def test_tdx_host_may_convert_at_a_shared_access(bare: Boot) -> None:
    """As KVM and QEMU do (semantics.md 2.10.3): the page is shared now, and its content lost."""
    setup = Setup(properties=("shared-access=convert",))
    run = bare("tdx", "wrong_bit", "case_shared_read", setup)
    convert = run.only("convert")
    assert (convert.gpa, convert.size, convert.detail) == (AT, PAGE, 0x102)
    assert convert.rip == run.at("at_read64")
    assert run.only("remove").gpa == AT
    assert len(run.said("same")) == 1
    stop = run.only("stop")
    assert (stop.gpa, stop.reason, stop.private) == (AT, "not-assigned", True)


@pytest.mark.parametrize("case", ["shared_write", "shared_exchange"])
def test_tdx_write_goes_to_the_converted_page(bare: Boot, case: str) -> None:
    run = bare("tdx", "wrong_bit", f"case_{case}", Setup(properties=("shared-access=convert",)))
    assert run.only("convert").gpa == AT
    assert (run.of("stop"), run.of("fault"), run.outcome) == ([], [], "shutdown")


IMPLICIT = "host-implicit=on"


def test_snp_host_may_convert_at_a_shared_write(bare: Boot) -> None:
    """As KVM and QEMU do (semantics.md 2.10.8): the write goes to the converted page."""
    run = bare("snp", "wrong_bit", "case_shared_write", Setup(properties=(IMPLICIT,)))
    (convert,) = [one for one in run.of("convert") if one.detail & 0x100]
    assert (convert.gpa, convert.size, convert.detail) == (AT, PAGE, 0x102)
    assert convert.rip == run.at("at_write64")
    assert run.of("remove")[-1].gpa == AT
    assert run.of("stop") == []


def test_snp_host_may_convert_at_a_private_fetch(bare: Boot) -> None:
    """The page is assigned then, and not validated."""
    run = bare("snp", "wrong_bit", "case_fetch_shared_page", Setup(properties=(IMPLICIT,)))
    convert = next(one for one in run.of("convert") if one.detail & 0x100)
    assert (convert.gpa, convert.detail) == (AT, 0x101)
    fault = run.of("fault")[0]
    assert (fault.gpa, fault.platform, fault.access) == (AT, 0x404, "fetch")
    assert run.of("stop") == []


def test_tdx_host_may_convert_back_at_a_private_access(bare: Boot) -> None:
    setup = Setup(properties=("shared-access=convert", IMPLICIT))
    run = bare("tdx", "wrong_bit", "case_shared_read", setup)
    assert [(one.gpa, one.detail) for one in run.of("convert")] == [(AT, 0x102), (AT, 0x101)]
    stop = run.only("stop")
    assert (stop.gpa, stop.reason, stop.private) == (AT, "pending", True)
