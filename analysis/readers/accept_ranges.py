# SPDX-License-Identifier: GPL-2.0-only
"""The range that a probe's first two fields are, whatever they are called and however they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.trace.schema import PAGE_SIZE

_SIZES = ("size", "len", "length", "bytes")
_TRUTHS = {"y": 1, "true": 1, "n": 0, "false": 0}
"""How C's bool is printed by probes of type ``bool`` and by scripts."""


def value_of(text: str, name: str, base: int = 10) -> int:
    """A number, in ``base`` where it has no 0x; negative ones as 64 bits hold them. Raises Damaged for what is none."""
    lower = text.lower()
    if lower in _TRUTHS:
        return _TRUTHS[lower]
    for with_base in (16,) if lower.startswith(("0x", "-0x")) else (base, 16):
        try:
            value = int(lower, with_base)
        except ValueError:
            continue
        if not -(1 << 63) <= value < 1 << 64:
            raise Damaged(f"{name}={text[:40]} is too large")
        return value % (1 << 64)
    raise Damaged(f"{name}={text[:40]} is not a number" if text else f"{name}= is missing")


class Numbers:
    """Detects whether numbers without 0x are decimal or hexadecimal: what is accepted are whole pages.

    ``trace-cmd report`` prints a kprobe's arguments in hexadecimal without 0x.
    """

    def __init__(self) -> None:
        self._base: dict[str, int] = {}

    def of(self, function: str, fields: Mapping[str, str], names: Iterable[str]) -> list[int]:
        """The values of the fields ``names`` of a call of ``function``. Raises Damaged for a value that is not a number."""
        texts = [(fields[name], name) for name in names]
        plain = [text for text, _ in texts if text.isdigit()]
        decimal = all(int(text) % PAGE_SIZE == 0 for text in plain)
        hexadecimal = all(int(text, 16) % PAGE_SIZE == 0 for text in plain)
        if any(
            not text.lower().startswith(("0x", "-")) and not text.isdigit() for text, _ in texts
        ):
            decimal, hexadecimal = False, True
        if decimal != hexadecimal:
            self._base[function] = 10 if decimal else 16
        base = self._base.get(function, 10)
        return [value_of(text, name, base) for text, name in texts]


def range_of(values: list[int], names: tuple[str, ...]) -> tuple[int, int]:
    """Start and size in bytes of the range that two values are. Raises Damaged where they are none."""
    if len(values) < 2:
        raise Damaged("its range needs two fields")
    start, second = values
    end = start + second if names[1].lower() in _SIZES else second
    if not start <= end < 1 << 64:
        raise Damaged(f"the range ends at {end:#x}, before its start {start:#x}")
    return start, end - start
