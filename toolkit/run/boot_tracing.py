# SPDX-License-Identifier: GPL-2.0-only
"""Tracing from a kernel's boot on, before any userspace could start a recorder: what to tell the kernel, and what it recorded.

A kernel with CONFIG_BOOT_CONFIG takes a bootconfig at the end of its initrd (Documentation/admin-guide/bootconfig.rst, and
Documentation/trace/boottime-trace.rst for what is in it); any kernel with CONFIG_KPROBE_EVENTS takes `kprobe_event=` on its command line
(Documentation/admin-guide/kernel-parameters.txt). Both begin with the initcalls: what is accepted before is not seen. A kernel without one
of the functions or tracepoints says so and goes on. SNP's hook cannot be probed in kernels that leave it out of ftrace, as Debian's do (notrace,
and no CONFIG_KPROBE_EVENTS_ON_NOTRACE): of those, the calls of accept_memory() are all that there is.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from acceptlab.analysis.kernel import kernel_facts
from acceptlab.analysis.kernel.kernel_facts import Function
from acceptlab.toolkit.errors import BadInputError, MachineError

BUFFER = "16M"
"""Of the kernel's ring buffer, per CPU: an entry takes some 60 bytes, so that this is a quarter of a million of them."""
TRACEPOINTS = kernel_facts.TRACEPOINT_GROUP
"""The group of our series' tracepoints; a kernel without them says so and goes on."""
TRACEFS = Path("/sys/kernel/tracing")
_MAGIC = b"#BOOTCONFIG\n"
_MOST = 32 << 10
"""Bytes of a bootconfig at most (bootconfig.rst)."""
_ALIGNMENT = 4


def watched(platform: str | None, more: Sequence[str] = ()) -> tuple[Function, ...]:
    """Return the functions to trace, and those of the names ``more``; without a platform the hooks of both.

    A kernel leaves out what it has not. What the second argument of accept_memory() is depends on the kernel, which is not
    known yet (analysis.kernel.accept_arguments).
    """
    hooks = [one for one in kernel_facts.functions(kernel_facts.HOOKS, platform) if one.platform]
    request = Function(kernel_facts.ACCEPT_MEMORY, (kernel_facts.START, "second"))
    usual = (request, *hooks)
    names = {function.name for function in usual}
    others = [name for name in dict.fromkeys(more) if name not in names]
    return (*usual, *(Function(name, ("first", "second")) for name in others))


def command_line(platform: str | None, more: Sequence[str] = ()) -> str:
    """Return the words for the kernel's command line; functions named by ``more`` are traced as well."""
    probes = []
    for function in watched(platform, more):
        arguments = ",".join(f"{name}=$arg{at}" for at, name in enumerate(function.arguments, 1))
        probes.append(f"p:{function.name},{function.name},{arguments}")
        probes.append(
            ",".join(filter(None, (f"r:{function.name}_return", function.name, _fetched(function))))
        )
    return f"trace_event={TRACEPOINTS} trace_buf_size={BUFFER} kprobe_event={';'.join(probes)}"


def bootconfig(platform: str | None) -> str:
    """Return the bootconfig; the kernel wants the word `bootconfig` on its command line with it."""
    # As words of the command line: after ftrace.buffer_size, Linux 6.12 records no event.
    lines = [f"kernel.trace_buf_size = {BUFFER}", f"kernel.trace_event = {TRACEPOINTS}"]
    for function in watched(platform):
        arguments = " ".join(f"{name}=$arg{at}" for at, name in enumerate(function.arguments, 1))
        key = f"ftrace.event.kprobes.{function.name}"
        lines += [f'{key}.probes = "{function.name} {arguments}"', f"{key}.enable"]
        result = f" {_fetched(function)}" if function.result else ""
        lines += [f'{key}_return.probes = "{function.name}%return{result}"', f"{key}_return.enable"]
    return "\n".join(lines) + "\n"


def _fetched(function: Function) -> str:
    return f"ret={function.result}" if function.result else ""


def with_bootconfig(initrd: bytes, text: str) -> bytes:
    """Return an initrd with a bootconfig behind it: text, padding, size, sum of its bytes, magic.

    Raises BadInputError when the initrd has one already, or when the text is too long for the kernel.
    """
    if initrd.endswith(_MAGIC):
        raise BadInputError("the initrd already contains a bootconfig: give one without")
    data = text.encode() + b"\0"
    data += bytes(-(len(initrd) + len(data)) % _ALIGNMENT)
    if len(data) > _MOST:
        raise BadInputError(f"a bootconfig of {len(data)} bytes is too long for the kernel")
    tail = len(data).to_bytes(4, "little") + (sum(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return initrd + data + tail + _MAGIC


def read_trace() -> str:
    """Stop the kernel's tracing and return what it recorded, as text. Raises MachineError when we may not, or when nothing was traced."""
    if not (TRACEFS / "trace").exists():
        subprocess.run(
            ["mount", "-t", "tracefs", "tracefs", TRACEFS], check=False, capture_output=True
        )
    try:
        (TRACEFS / "tracing_on").write_text("0")
        text = (TRACEFS / "trace").read_text(errors="replace")
    except OSError as error:
        raise MachineError(
            f"{TRACEFS} cannot be read ({error.strerror}): be root, on a kernel with CONFIG_KPROBE_EVENTS"
        ) from error
    if not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
        raise MachineError(
            "the kernel has recorded nothing: boot it with the parameters from `acceptlab collect --boot cmdline`"
        )
    return text
