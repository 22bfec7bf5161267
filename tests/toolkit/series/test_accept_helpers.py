# SPDX-License-Identifier: GPL-2.0-only
"""Functions and locks that patches add to the accept path, found in small kernels that gcc compiles here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.analysis.kernel.call_sites import PVALIDATE, CallSites
from acceptlab.analysis.kernel.symbol_sources import extract
from acceptlab.toolkit.series.accept_helpers import Found, find, find_in

_BEGIN = """
#define noinline __attribute__((noinline))
struct lock { int value; };
noinline void _raw_spin_lock(struct lock *lock) { lock->value = 1; }
noinline void _raw_spin_unlock(struct lock *lock) { lock->value = 0; }
struct lock unaccepted_memory_lock;
volatile int state;
noinline void pvalidate_pages(void) { asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff" : : : "memory"); state++; }
noinline void snp_accept_memory(void) { pvalidate_pages(); state++; }
"""
_CALLERS = """
noinline void memblock_alloc(void) { REQUEST(); state++; }
noinline void page_alloc(void) { REQUEST(); state++; }
noinline void kexec_load(void) { REQUEST(); state++; }
void start_kernel(void) { memblock_alloc(); page_alloc(); kexec_load(); state++; }
"""
_ACCEPT = """
noinline void accept_memory(void)
{
	_raw_spin_lock(&unaccepted_memory_lock);
	snp_accept_memory();
	_raw_spin_unlock(&unaccepted_memory_lock);
}
"""

Compile = Callable[..., Path]


@pytest.fixture
def kernel(tmp_path: Path) -> Compile:
    """Compile sources into the vmlinux and System.map of a folder, which is returned."""

    def compiled(*parts: str, request: str = "accept_memory", align: int = 16) -> Path:
        source = tmp_path / "kernel.c"
        source.write_text("".join(parts))
        vmlinux = tmp_path / "vmlinux"
        words = "gcc -O2 -nostdlib -static -fno-pic -no-pie -mcmodel=kernel -fno-stack-protector -fcf-protection=none -fno-ipa-icf"
        place = "-Wl,-Ttext=0xffffffff81000000,-Tdata=0xffffffff82000000,-Tbss=0xffffffff83000000,-estart_kernel"
        subprocess.run(
            [
                *words.split(),
                f"-DREQUEST={request}",
                f"-falign-functions={align}",
                place,
                "-o",
                vmlinux,
                source,
            ],
            check=True,
        )
        names = subprocess.run(["nm", vmlinux], capture_output=True, text=True, check=True)
        (tmp_path / "System.map").write_text(names.stdout)
        return tmp_path

    return compiled


def _calls(folder: Path) -> CallSites:
    table = sorted((address, name) for address, _, name in extract(folder / "System.map"))
    return CallSites((folder / "vmlinux").read_bytes(), table)


def test_calls_and_tail_calls_have_their_callers(kernel: Compile) -> None:
    last = '__attribute__((section(".text.last"))) void last(void) { page_alloc(); }\n'
    calls = _calls(kernel(_BEGIN, _ACCEPT, _CALLERS, last))
    assert set(calls.callers("accept_memory")) == {"memblock_alloc", "page_alloc", "kexec_load"}
    assert set(calls.callers("page_alloc")) == {"start_kernel", "last"}
    assert calls.callers("no_such_function") == {}


def test_a_jump_over_the_padding_behind_a_function_is_no_call(kernel: Compile) -> None:
    calls = _calls(kernel(_BEGIN, _ACCEPT, _CALLERS, align=256))
    assert set(calls.callers("memblock_alloc")) == {"start_kernel"}


@pytest.mark.parametrize(("before", "is_call"), [("0x0f, ", True), ("", False)])
def test_a_conditional_jump_begins_with_0f(kernel: Compile, before: str, is_call: bool) -> None:
    """Without it the second byte is any instruction's."""
    jump = f'asm volatile(".byte {before}0x85; .long page_alloc - . - 4");'
    calls = _calls(kernel(_BEGIN, _ACCEPT, _CALLERS, f"void other(void) {{ {jump} state++; }}\n"))
    assert ("other" in calls.callers("page_alloc")) == is_call


def test_an_instruction_is_in_its_function(kernel: Compile) -> None:
    assert _calls(kernel(_BEGIN, _ACCEPT, _CALLERS)).having(PVALIDATE) == {"pvalidate_pages"}


def test_the_lock_of_a_call_is_its_first_argument(kernel: Compile) -> None:
    folder = kernel(_BEGIN, _ACCEPT, _CALLERS)
    calls = _calls(folder)
    (place,) = calls.callers("_raw_spin_lock")["accept_memory"]
    names = {address: name for address, _, name in extract(folder / "System.map")}
    assert names[calls.first_argument(place) or 0] == "unaccepted_memory_lock"


def test_linux_has_nothing_of_its_own(kernel: Compile) -> None:
    folder = kernel(_BEGIN, _ACCEPT, _CALLERS)
    assert (
        find_in(
            folder,
            dict.fromkeys(
                (
                    "memblock_alloc",
                    "start_kernel",
                ),
                (),
            ),
        )
        == Found()
    )


def test_a_function_that_takes_the_requests_of_several_callers_is_skipped(kernel: Compile) -> None:
    wrapper = "noinline void accept_memory_for(void) { accept_memory(); state++; }\n"
    folder = kernel(_BEGIN, _ACCEPT, wrapper, _CALLERS, request="accept_memory_for")
    assert find_in(folder, dict.fromkeys(("accept_memory_for",), ())) == Found(
        skip=("accept_memory_for",)
    )
    assert find_in(folder, dict.fromkeys(("page_alloc",), ())) == Found()


@pytest.mark.parametrize("second", ["size", "end"])
def test_a_function_that_takes_a_start_and_a_size_is_a_request(
    kernel: Compile, second: str
) -> None:
    wrapper = "noinline void accept_memory_for(void) { accept_memory(); state++; }\n"
    folder = kernel(_BEGIN, _ACCEPT, wrapper, _CALLERS, request="accept_memory_for")
    found = find_in(folder, {"accept_memory_for": ("start", second, "reason")})
    assert found.requests == {"accept_memory_for": ("start", second)}
    assert find_in(folder, {"accept_memory_for": ("pfn", "count")}).requests == {}


def test_a_function_that_only_the_path_calls_takes_no_requests(kernel: Compile) -> None:
    between = """
noinline void accept_units(void) { snp_accept_memory(); state++; }
noinline void accept_memory(void) { accept_units(); state++; }
"""
    found = find_in(kernel(_BEGIN, between, _CALLERS), {"accept_units": ("start", "end")})
    assert (found.skip, found.requests) == (("accept_units",), {})


def test_a_function_with_one_caller_stays_the_cause(kernel: Compile) -> None:
    ahead = "noinline void accept_reserve(void) { accept_memory(); state++; }\n"
    one = "void kswapd(void) { accept_reserve(); state++; }\n"
    assert (
        find_in(
            kernel(_BEGIN, _ACCEPT, ahead, one, _CALLERS), dict.fromkeys(("accept_reserve",), ())
        )
        == Found()
    )


def test_a_function_between_those_of_the_path_is_skipped(kernel: Compile) -> None:
    between = """
noinline void accept_units(void) { snp_accept_memory(); state++; }
noinline void accept_memory(void) { accept_units(); state++; }
"""
    found = find_in(kernel(_BEGIN, between, _CALLERS), dict.fromkeys(("accept_units",), ()))
    assert found == Found(skip=("accept_units",))


def test_a_function_with_the_instruction_is_skipped_whoever_calls_it(kernel: Compile) -> None:
    own = """
noinline void validate_range(void) { asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff" : : : "memory"); state++; }
void hot_add(void) { validate_range(); state++; }
"""
    folder = kernel(_BEGIN, _ACCEPT, own, _CALLERS)
    assert find_in(
        folder,
        dict.fromkeys(
            (
                "validate_range",
                "hot_add",
            ),
            (),
        ),
    ) == Found(skip=("validate_range",))


def test_a_new_name_of_accept_memory_is_found(kernel: Compile) -> None:
    renamed = _ACCEPT.replace("accept_memory(void)\n", "take_memory(void)\n", 1)
    found = find_in(
        kernel(_BEGIN, renamed, _CALLERS, request="take_memory"),
        dict.fromkeys(("take_memory",), ()),
    )
    assert found == Found(skip=("take_memory",), replacement="take_memory")


def test_a_lock_that_the_path_takes_is_found(kernel: Compile) -> None:
    locked = "struct lock units_lock, other_lock;\n" + _ACCEPT.replace(
        "snp_accept_memory();",
        "_raw_spin_lock(&units_lock); snp_accept_memory(); _raw_spin_unlock(&units_lock);",
    )
    elsewhere = "void elsewhere(void) { _raw_spin_lock(&other_lock); state++; }\n"
    found = find_in(kernel(_BEGIN, locked, elsewhere, _CALLERS), dict.fromkeys(("somewhere",), ()))
    assert found == Found(locks=("units_lock",))


def test_clones_of_the_compiler_are_the_function(kernel: Compile) -> None:
    folder = kernel(_BEGIN, _ACCEPT, _CALLERS)
    table = sorted((address, name) for address, _, name in extract(folder / "System.map"))
    other = [
        (address, f"{name}.isra.0" if name == "accept_memory" else name) for address, name in table
    ]
    calls = CallSites((folder / "vmlinux").read_bytes(), other)
    assert find(calls, other, dict.fromkeys(("page_alloc",), ())).skip == ()


def test_files_that_cannot_be_read_show_nothing(tmp_path: Path) -> None:
    (tmp_path / "System.map").write_text("ffffffff81000000 T _text\n")
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF no ELF file")
    assert find_in(tmp_path, dict.fromkeys(("accept_reserve",), ())) == Found()
