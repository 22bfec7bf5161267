# SPDX-License-Identifier: GPL-2.0-only
"""Words for a guest's command line that make its kernel record acceptances by ftrace, from its start, and its init print them.

A kernel without one of the functions or tracepoints says so and goes on (Linux, Documentation/trace/kprobetrace.rst,
"Kernel Boot Parameter"). The trace is what `acceptlab import` reads from a console.
"""

from __future__ import annotations

from collections.abc import Sequence

_HOOK = {"snp": "snp_accept_memory", "tdx": "tdx_accept_memory"}
"""What accept_memory() calls on each platform (Linux 6.5 and later), with start and end."""
_RESULT = {"snp": "", "tdx": ",ret=$retval:u8"}
"""Only TDX's hook returns whether it worked."""
PRINT = "acceptlab.workload=ftrace"
"""Has the guests' init print the trace when the workloads are done."""
_BUFFER = "trace_buf_size=16M"
"""Per vCPU; an entry takes some 60 bytes."""


def trace_words(platform: str, functions: Sequence[str]) -> list[str]:
    """Return the words: probes on the platform's hook, on accept_memory() and on more functions, and our series' tracepoints.

    SNP's hook cannot be probed in kernels that leave it out of ftrace, as Debian's do (notrace, and no
    CONFIG_KPROBE_EVENTS_ON_NOTRACE): of those, the calls of accept_memory() are all that there is. Results are not asked for,
    as kernels with BTF refuse a return probe that asks for the result of a function without one, such as accept_memory().
    """
    hook = _HOOK[platform]
    probes = [
        f"p:{hook},{hook},start=%di:x64,end=%si:x64",
        f"r:{hook}_return,{hook}{_RESULT[platform]}",
    ]
    for function in dict.fromkeys(["accept_memory", *functions]):
        if function != hook:
            probes.append(f"p:{function},{function},first=%di:x64,second=%si:x64")
            probes.append(f"r:{function}_return,{function}")
    return ["trace_event=kprobes,accept", _BUFFER, f"kprobe_event={';'.join(probes)}"]
