# SPDX-License-Identifier: GPL-2.0-only
"""The policy of accept_memory= that a kernel went by, by its command line and what it printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acceptlab.analysis.run.run_info import POLICIES, POLICY

_PARAMETER = "accept_memory="
_OF_ALL_KERNELS = ("lazy", "eager")
"""Linux, mm/page_alloc.c, accept_memory_parse()."""
_KERNEL = re.compile(r"^(?:\[[^]]*\] *)?Linux version ", re.MULTILINE)
_MALFORMED = re.compile(r"Malformed early option 'accept_memory'")
"""Linux, init/main.c, do_early_param(): what is refused leaves the policy as it was."""
_NOT_TAKEN = re.compile(r"accept_memory=(\S*): .*; memory is accepted ")
"""The series lazy-accept, mm/accept_policy.c: what is refused sets the policy back to the default."""


@dataclass(frozen=True)
class Policy:
    """`ran` is the policy that the kernel went by; `refused` the last word that it was given and did not take, or ""."""

    ran: str
    refused: str = ""


def policy_of(command_line: str, console: str) -> Policy:
    """Return the policy of the first kernel that printed to the console; each word replaces the one before it."""
    words = [
        word.removeprefix(_PARAMETER)
        for word in command_line.split()
        if word.startswith(_PARAMETER)
    ]
    printed = _of_first_kernel(console)
    refused = [word in _NOT_TAKEN.findall(printed) for word in words]
    # The kernel does not print which word was malformed: one that no kernel of all has, first.
    malformed = min(len(_MALFORMED.findall(printed)), len(words))
    likely = sorted(range(len(words)), key=lambda at: (words[at] in _OF_ALL_KERNELS, -at))
    for at in likely[:malformed]:
        refused[at] = True
    default = POLICIES[0]
    ran = default
    for word, is_refused in zip(words, refused, strict=True):
        if not is_refused:
            ran = word if POLICY.fullmatch(word) else default
        elif not malformed:
            ran = default
    last = words[-1] if words and refused[-1] else ""
    return Policy(ran, last)


def _of_first_kernel(console: str) -> str:
    """Return what the first kernel printed: a second one, started by kexec or kdump, has a banner and a command line of its own."""
    banners = [found.start() for found in _KERNEL.finditer(console)]
    return console[: banners[1]] if len(banners) > 1 else console
