# SPDX-License-Identifier: GPL-2.0-only
"""Which function an event of a probe is about, and whether it is its entry or its return: one rule for all formats.

Names come from many hands: the kernel's own for kprobes, ``p_FUNCTION_0`` and ``r_FUNCTION_0`` (Linux,
Documentation/trace/kprobetrace.rst), for fprobes ``FUNCTION__entry`` and ``FUNCTION__exit`` (fprobetrace.rst), perf probe's
``FUNCTION``, ``FUNCTION_1`` and ``FUNCTION__return``, bpftrace's ``kprobe:FUNCTION``, and names by hand, often with ``_return`` or
``_ret``. Where the kernel prints symbols, the place says it better: ``(function+0x0/0x150)``, or ``(caller+0x8b/0xd0 <- function)``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SYMBOL = re.compile(
    r"(?P<symbol>[A-Za-z_][\w.$]{0,127})(?:\+(?P<offset>0x[\da-f]{1,8}))?(?:/0x[\da-f]{1,8})?"
    r"(?: \[\w{1,64}\])?$"
)
_ADDRESS = re.compile(r"(?:0x)?[\da-f]{6,16}$")
_DEFAULT = re.compile(r"(?P<way>[pr])_(?P<function>[A-Za-z_]\w*?)_(?P<offset>\d{1,6})$")
_RETURN = re.compile(
    r"(?P<function>\w+?)(?:_{1,2}return|_{1,2}ret|__exit|_exit)(?:_{1,2}\d{1,4})?$"
)
_PLAIN_RETURN = re.compile(
    r"(?P<function>\w+?)(?:_{1,2}return|_{1,2}ret|__exit)(?:_{1,2}\d{1,4})?$"
)
_ENTRY = re.compile(r"(?P<function>\w+?)(?:__entry|_entry|__enter)?(?:_\d{1,4})?$")
_WAY = re.compile(r"(?:(?P<way>k(?:ret)?(?:probe|func)|fentry|fexit|f):)(?:\w+:)?(?P<name>.*)$")
_COMPILED = re.compile(r"(?:[._](?:isra|constprop|part|cold|llvm)(?:[._]\d+)*)+$")
_PADDING = re.compile(r"__(?:pfx|cfi)_(?P<function>\w+)$")
_ENTRIES = (0, 4)
"""Offsets in bytes at which a function begins: 4 behind an ENDBR64."""
_PADDED = 16
"""Bytes in front of a function that ``__pfx_FUNCTION`` and ``__cfi_FUNCTION`` name (Linux, CONFIG_FUNCTION_PADDING_BYTES)."""


class Call(NamedTuple):
    """A call of ``function``, or its return. ``doubt`` says why it may be more or less than that; empty: it is not in doubt."""

    function: str
    returns: bool
    doubt: str = ""


def call_of(event: str, place: str = "") -> Call | None:
    """The call of a probe's event, from its name and its place (without the parentheses, empty where there is none).

    None: the event is of no function.
    """
    way, name = _way_of(event)
    first, arrow, second = place.partition(" <- ")
    target = second if arrow else first
    returns = True if arrow else False if first else way
    found = None if _ADDRESS.match(target) else _SYMBOL.match(target)
    if found and (arrow or found["offset"]):
        return _call(found["symbol"], int(found["offset"] or "0", 16), bool(returns))
    if place and not _ADDRESS.match(target):
        return None
    if found := _DEFAULT.match(name):
        back = found["way"] == "r" if returns is None else returns
        return _call(found["function"], int(found["offset"]), back)
    if returns is None:
        returns = _PLAIN_RETURN.match(name) is not None
    found = (_RETURN if returns else _ENTRY).match(name)
    return _call(found["function"] if found else name, 0, returns) if name else None


def _way_of(event: str) -> tuple[bool | None, str]:
    """Whether bpftrace's name of a probe says that it is of a return (None: it says nothing), and the rest of the name."""
    if found := _WAY.match(event):
        return found["way"] in ("kretprobe", "kretfunc", "fexit"), found["name"]
    return None, event


def _call(symbol: str, offset: int, returns: bool) -> Call:
    if found := _PADDING.match(symbol):
        symbol, offset = found["function"], abs(offset - _PADDED)
    plain = _COMPILED.sub("", symbol)
    doubt = ""
    if plain != symbol:
        doubt = f"{symbol} is a part of {plain}() that the compiler split off"
    elif offset not in _ENTRIES and not returns:
        doubt = f"the probe is inside {plain}(), at +{offset:#x}"
    return Call(plain, returns, doubt)
