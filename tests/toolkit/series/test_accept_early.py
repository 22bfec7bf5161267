# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel needs to handle #VC and #VE, read from made-up kernels: linked by the real linker, wrong in one way each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.checks.accept_early import NAME, check

PER_CPU = ("gdt_page", "cpu_tss_rw", "entry_stack_storage", "exception_stacks")
KERNEL = """
#define PER_CPU __attribute__((section(".data..percpu")))
#define HERE __attribute__((section(".init.text")))
struct accept_early { unsigned long address, size, kind; char name[40]; };
#define NOTE(symbol, bytes, what) static const struct accept_early \\
    __attribute__((section(".accept_early"), aligned(8), used)) note_##symbol = \\
    { (unsigned long)&symbol, bytes, what, #symbol };
void exc_virtualization_exception(void) {}
void kernel_exc_vmm_communication(void) {}
void check_accepted_early(void) {}
char idt_table[4096], boot_ghcb_page[4096];
char gdt_page[4096] PER_CPU = {1}, cpu_tss_rw[256] PER_CPU = {1};
char entry_stack_storage[4096] PER_CPU = {1}, exception_stacks[8192] PER_CPU = {1};
void *runtime_data PER_CPU = (void *)1;
"""
NOTES = {
    "idt_table": "NOTE(idt_table, sizeof(idt_table), 0)",
    "boot_ghcb_page": "NOTE(boot_ghcb_page, sizeof(boot_ghcb_page), 0)",
    "runtime_data": "NOTE(runtime_data, 12288, 2)",
} | {name: f"NOTE({name}, sizeof({name}), 1)" for name in PER_CPU}
SCRIPT = """
SECTIONS {
    . = 0xffffffff81000000;
    _text = .;
    .text : { *(.text) }
    .data : { *(.data) }
    .bss : { *(.bss) }
    .accept_early : { *(.accept_early) }
    _end = .;
    .outside 0xffffffff90000000 : { *(.outside) }
    . = 0;
    .data..percpu : { __per_cpu_start = .; *(.data..percpu) __per_cpu_end = .; }
    /DISCARD/ : { *(.note*) *(.eh_frame) *(.comment) }
}
"""


def link(folder: Path, source: str) -> Path:
    """Make an ELF file as a build leaves it."""
    (folder / "kernel.c").write_text(source)
    (folder / "kernel.lds").write_text(SCRIPT)
    vmlinux = folder / "vmlinux"
    words = ["gcc", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-mcmodel=kernel", "-fno-common"]
    subprocess.run(
        [*words, "-Wl,-T,kernel.lds,--no-warn-rwx-segments", "-o", "vmlinux", "kernel.c"],
        cwd=folder,
        check=True,
    )
    return vmlinux


def problems(folder: Path, notes: dict[str, str], kernel: str = KERNEL) -> list[str]:
    step = check(link(folder, kernel + "\n".join(notes.values()) + "\n"))
    assert step is not None
    assert step.name == NAME
    return [one.text for one in step.problems]


def test_a_kernel_with_everything_annotated_is_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, NOTES) == []


@pytest.mark.parametrize("name", NOTES)
def test_each_object_is_missed(tmp_path: Path, name: str) -> None:
    without = {key: note for key, note in NOTES.items() if key != name}
    found = problems(tmp_path, without)
    assert found
    assert all(text.startswith(f"{name}: ") for text in found)
    assert "is not annotated" in found[0]


def test_a_kernel_without_the_platform_needs_nothing_of_it(tmp_path: Path) -> None:
    kernel = KERNEL.replace("void kernel_exc_vmm_communication(void) {}", "")
    without = {key: note for key, note in NOTES.items() if key != "runtime_data"}
    assert problems(tmp_path, without, kernel) == []


def test_an_annotation_that_is_too_short_is_told(tmp_path: Path) -> None:
    short = NOTES | {"exception_stacks": "NOTE(exception_stacks, 4096, 1)"}
    assert problems(tmp_path, short) == [
        "exception_stacks: annotation covers 0x1000 bytes at 0x2100, not the symbol"
    ]


def test_an_object_outside_of_the_image_is_told(tmp_path: Path) -> None:
    kernel = KERNEL.replace(
        "char idt_table[4096],",
        'char idt_table[4096] __attribute__((section(".outside"))) = {1};\nchar',
    )
    assert problems(tmp_path, NOTES, kernel) == [
        "idt_table (static): outside the kernel's image, so it may be unaccepted"
    ]


def test_a_static_object_is_no_per_cpu_variable(tmp_path: Path) -> None:
    wrong = NOTES | {"idt_table": "NOTE(idt_table, sizeof(idt_table), 1)"}
    assert problems(tmp_path, wrong) == [
        "idt_table (per-CPU): outside the per-CPU variables, so it may be unaccepted"
    ]


def test_a_handler_outside_of_the_image_is_told(tmp_path: Path) -> None:
    kernel = KERNEL.replace(
        "void exc_virtualization_exception(void)",
        '__attribute__((section(".outside"))) void exc_virtualization_exception(void)',
    )
    assert problems(tmp_path, NOTES, kernel) == [
        "exc_virtualization_exception: the handler is outside the kernel image"
    ]


def test_a_kernel_whose_section_was_dropped_is_not_fine(tmp_path: Path) -> None:
    found = problems(tmp_path, {})
    assert len(found) == len(NOTES) + len(PER_CPU) + 1


def test_other_kernels_are_left_alone(tmp_path: Path) -> None:
    kernel = KERNEL.replace("void check_accepted_early(void) {}", "")
    assert check(link(tmp_path, kernel)) is None


def test_what_is_no_kernel_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(b"MZ")
    with pytest.raises(BadInputError, match="cannot read the kernel") as caught:
        check(tmp_path / "vmlinux")
    assert "\n" not in str(caught.value)
