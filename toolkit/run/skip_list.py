# SPDX-License-Identifier: GPL-2.0-only
"""Functions of a kernel that mean something to the emulator: those that only carry out an acceptance, and panic().

The emulator walks the stack at each event and takes the first return address outside the former as the event's caller. A guest
that entered panic() is ended a while later: before Linux can reset the machine, it loops there without end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_TEXT_START, _TEXT_END = "_stext", "_etext"
_INIT_START, _INIT_END = "_sinittext", "_einittext"
_STARTUP_PREFIX = "__pi_"
"""Of names in code that runs before the kernel's own mapping (Linux arch/x86/boot/startup/Makefile, 6.18 on)."""
_PANIC = "panic"
_SKIPPED = re.compile(
    r"""
      pvalidate.* | __pvalidate.* | pval_pages | _?_?set_pages_state | (__)?page_state_change | vmgexit_psc
    | svsm_.*pval(idate)?(_.*)? | sev_es_.* | snp_accept_memory
    | snp_set_memory_.* | early_set_pages_state | early_snp_set_memory_.* | snp_set_page_.*
    | tdx_accept_memory | try_accept_one | __tdcall.* | __tdx_hypercall.* | tdx_enc_status_changed.* | tdx_map_gpa
    | (arch_)?accept_memory(_for)? | accept_page | __accept_page | accept_page_memory | cond_accept_memory | try_to_accept_memory.*
    | accept_unclaimed | accept_units | release_one | release_held_pages
    """,
    re.VERBOSE,
)
_COMPILER_SUFFIX = re.compile(r"\.(isra|constprop|part|cold|llvm)\.?\d*.*$")

Table = Sequence[tuple[int, str]]
"""(link-time address, name), sorted."""


def is_skipped(name: str) -> bool:
    """Tell whether a function, whatever suffix the compiler gave it, only carries out acceptance or conversion."""
    plain = _COMPILER_SUFFIX.sub("", name).removeprefix(_STARTUP_PREFIX)
    return _SKIPPED.fullmatch(plain) is not None


def _text(table: Table) -> list[tuple[int, int]]:
    """Return (start, end) of the kernel's text and of the text that it frees after boot; [] when the former is not known."""
    edges = {name: address for address, name in table}
    pairs = ((_TEXT_START, _TEXT_END), (_INIT_START, _INIT_END))
    found = [(edges[start], edges[end]) for start, end in pairs if start in edges and end in edges]
    return found if _TEXT_START in edges and _TEXT_END in edges else []


def skip_list_text(table: Table) -> str:
    """Return the emulator's skip list: the kernel's text, the ranges to skip, and panic(); "" when the text is not known."""
    parts = _text(table)
    if not parts:
        return ""
    addresses = sorted({address for address, _ in table})
    following = dict(zip(addresses, [*addresses[1:], addresses[-1]], strict=True))
    skipped = sorted({(address, following[address]) for address, name in table if is_skipped(name)})
    lines = [f"text {start:#x} {end:#x}" for start, end in parts]
    lines += [
        f"skip {begin:#x} {stop:#x}"
        for begin, stop in skipped
        if any(start <= begin < end for start, end in parts)
    ]
    lines += [
        f"panic {address:#x} {following[address]:#x}" for address, name in table if name == _PANIC
    ]
    return "".join(f"{line}\n" for line in lines)


def write_skip_list(table: Table, path: Path) -> bool:
    """Write the file; return False, and write nothing, when the symbols do not tell where the kernel's text is."""
    text = skip_list_text(table)
    if text:
        path.write_text(text)
    return bool(text)
