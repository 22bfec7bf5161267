# SPDX-License-Identifier: GPL-2.0-only
"""The table of a bench for a cover letter: only one of the series' own kernels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.apply import Applied

_TABLE, _DATA = "bench.txt", "bench.json"


def table_of(place: Path, applied: Applied) -> str:
    """Return the text of a bench (its folder, or bench.txt in it).

    Raises BadInputError for none, and for one that is not of this base and these patches as they are now.
    """
    folder = place if place.is_dir() else place.parent
    text = place / _TABLE if place.is_dir() else place
    try:
        table = text.read_text(encoding="utf-8")
        data = json.loads((folder / _DATA).read_text(encoding="utf-8"))
        benched = {str(one["commit"]): str(one["name"]) for one in data["builds"]}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        raise BadInputError(
            f"no table {text} with its {_DATA}: create it with `acceptlab series bench --out DIR`"
        ) from None
    _check(benched, data, applied, place)
    return table


def _check(benched: dict[str, str], data: dict[str, Any], applied: Applied, place: Path) -> None:
    base, head = applied.commits[0].sha, applied.head.sha
    lacking = [
        what
        for commit, what in ((base, "the base"), (head, "the last patch"))
        if commit not in benched
    ]
    if lacking:
        kernels = ", ".join(str(one["name"]) for one in data["builds"])
        raise BadInputError(
            f"{place} is a bench of other kernels ({kernels}): it lacks {' and '.join(lacking)} of this series as it is "
            "now; run `acceptlab series bench` on it again"
        )
