# SPDX-License-Identifier: GPL-2.0-only
"""symbols.json of a run folder: function and source line of every kernel address that occurs in the run, for readers without the kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import write_text
from acceptlab.analysis.records import record
from acceptlab.analysis.regular_files import read_json

FILE = "symbols.json"
FORMAT = 1
KERNELS = ("first", "second")
"""Members of the file: addresses seen while the first kernel ran, and while the second did (kexec, kdump)."""
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}")
_SYMBOL = re.compile(r"[!-~]{1,512}")
_SOURCE = re.compile(r"[ -~]{1,4096}")
_TEXTS = {"symbol": _SYMBOL, "source": _SOURCE, "call_source": _SOURCE}


@record(frozen=True)
class Named:
    """What is known of an address: ``function+0x12``; ``file:line`` of it, and of the call that returns to it. Not known: ""."""

    symbol: str = ""
    source: str = ""
    call_source: str = ""

    def to_json(self) -> dict[str, str]:
        """The members that are known."""
        return {name: getattr(self, name) for name in _TEXTS if getattr(self, name)}


Names = Mapping[int, Named]
"""By run-time address."""


def write_names(folder: Path, first: Names, second: Names) -> None:
    """Write RUN/symbols.json; raises BadInput when that fails. The same names give the same bytes."""
    kernels = zip(KERNELS, (first, second), strict=True)
    value: dict[str, Any] = {"format": FORMAT}
    for kernel, names in kernels:
        value[kernel] = {f"{address:#x}": names[address].to_json() for address in sorted(names)}
    write_text(folder / FILE, json.dumps(value, indent=1) + "\n")


def read_names(folder: Path) -> tuple[Names, Names]:
    """Names of the first and of the second kernel's addresses; none where the folder has no symbols.json.

    Raises BadInput, in one line, for a file that is no such file: its texts are printed, so they have to be printable.
    """
    path = folder / FILE
    try:
        value = read_json(path)
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}; {_REMEDY}") from error
    except BadInput as error:
        raise BadInput(f"{error}; {_REMEDY}") from error
    try:
        return _parsed(value)
    except BadInput as error:
        raise BadInput(f"{path}: {error}; {_REMEDY}") from error


_REMEDY = "remove it to go without names"


def _parsed(value: Any) -> tuple[Names, Names]:
    if not isinstance(value, dict):
        raise BadInput("it holds no JSON object")
    if value.get("format") != FORMAT:
        raise BadInput(f"its format is not {FORMAT}, the one that this version reads")
    first, second = (_names(value.get(kernel, {}), kernel) for kernel in KERNELS)
    return first, second


def _names(value: Any, kernel: str) -> Names:
    if not isinstance(value, dict):
        raise BadInput(f"{kernel} is no object")
    names = {}
    for address, known in value.items():
        if not _ADDRESS.fullmatch(address) or not isinstance(known, dict):
            raise BadInput(f"{kernel} has a member that is no address with its names")
        texts = {name: known.get(name, "") for name in _TEXTS}
        for name, form in _TEXTS.items():
            if texts[name] != "" and not _fits(form, texts[name]):
                raise BadInput(f"{kernel}, {address}: its {name} is no printable text")
        names[int(address, 16)] = Named(**texts)
    return names


def _fits(form: re.Pattern[str], text: Any) -> bool:
    return isinstance(text, str) and form.fullmatch(text) is not None
