# SPDX-License-Identifier: GPL-2.0-only
"""A BPF program attached to a live emulator.

All of it lives in file descriptors of this process: whatever ends it, SIGKILL too, the kernel takes the probes off, counts the
emulator's semaphores down, and frees the ring.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acceptlab.toolkit.collect import bcc_library, usdt
from acceptlab.toolkit.errors import MachineError

_ENTRY = 0
"""BPF_PROBE_ENTRY (bcc's libbpf.h): at the instruction, not at a function's return."""


class Probes:
    """What the attached program has seen: ``drain`` hands it over, ``lost`` counts what had no room in the ring."""

    def __init__(self, program: Any, receive: Callable[[bytes], object]) -> None:
        self._program = program

        def callback(_context: object, data: int, size: int) -> None:
            receive(ctypes.string_at(data, size))

        program[b"events"].open_ring_buffer(callback)

    def drain(self) -> None:
        """Hand over every record that is in the ring now."""
        self._program.ring_buffer_consume()

    @property
    def lost(self) -> int:
        """Return the number of events that were seen but not recorded."""
        return int(self._program[b"lost"][0].value)


@contextmanager
def attached(pid: int, ring_pages: int, receive: Callable[[bytes], object]) -> Iterator[Probes]:
    """Attach to every probe of the emulator with this process id while the block runs; ``receive`` gets the records.

    Raises MachineError when the kernel does not let us.
    """
    bcc = bcc_library.load()
    binary = Path(f"/proc/{pid}/exe")
    places = usdt.sites(binary)
    program = compiled(bcc, usdt.program(places, ring_pages))
    try:
        probes = Probes(program, receive)
        descriptors = _attach(bcc, program, binary, pid, places)
        try:
            yield probes
        finally:
            for descriptor in descriptors:
                bcc.lib.bpf_close_perf_event_fd(descriptor)
        probes.drain()
    finally:
        program.cleanup()


def compiled(bcc: Any, text: str) -> Any:
    """Compile a BPF program and load its maps. Raises MachineError when bcc cannot."""
    try:
        return bcc.BPF(text=text.encode())
    except Exception as error:  # bcc raises plain Exception
        raise MachineError(
            f"bcc cannot compile its program ({error}): see acceptlab doctor for what is missing"
        ) from error


def _attach(
    bcc: Any, program: Any, binary: Path, pid: int, places: Sequence[usdt.Site]
) -> list[int]:
    """Put the program on every place; the kernel counts each semaphore up for as long as its descriptor is open."""
    attach = ctypes.CDLL(bcc.lib._name).bpf_attach_uprobe
    attach.argtypes = [
        ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p,
        ctypes.c_uint64, ctypes.c_int, ctypes.c_uint32,
    ]  # fmt: skip
    functions = {
        words: _loaded(bcc, program, name) for words, name in usdt.functions(places).items()
    }
    descriptors: list[int] = []
    for site in places:
        descriptor = attach(
            functions[site.words], _ENTRY, b"acceptlab", str(binary).encode(), site.offset, pid, site.semaphore,
        )  # fmt: skip
        if descriptor < 0:
            for earlier in descriptors:
                bcc.lib.bpf_close_perf_event_fd(earlier)
            raise MachineError(
                f"no permission to probe process {pid}: see acceptlab doctor for what is missing"
            )
        descriptors.append(descriptor)
    return descriptors


def _loaded(bcc: Any, program: Any, name: str) -> int:
    """Return the descriptor of a function that the kernel has accepted."""
    try:
        return int(program.load_func(name.encode(), bcc.BPF.KPROBE).fd)
    except Exception as error:  # bcc raises plain Exception
        raise MachineError(f"the kernel refuses the BPF program ({error})") from error
