# SPDX-License-Identifier: GPL-2.0-only
"""The series that this repository brings: `patches/<base>/<series>/`, each found by its name too."""

from __future__ import annotations

from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.series.series_source import Series, read_series
from acceptlab.toolkit.series.series_spec import FILE, read_spec

HOME = CHECKOUT / "patches"
_REFERENCE = "lazy-accept"


def own_series(home: Path = HOME) -> list[Series]:
    """Return every series below `patches/`, by folder."""
    return [read_series(path.parent, None) for path in sorted(home.glob(f"*/*/{FILE}"))]


def reference(home: Path = HOME) -> str:
    """Return the name of the series that demos show: the reference series, else the first there is, "" when there is none."""
    names = [read_spec(path).name for path in sorted(home.glob(f"*/*/{FILE}"))]
    return _REFERENCE if _REFERENCE in names else next(iter(names), "")


def path_of(argument: str, home: Path = HOME) -> Path:
    """Return the path that a SERIES argument stands for: a path as it is, or the folder of the series of that name."""
    path = Path(argument).expanduser()
    if path.exists() or "/" in argument:
        return path
    named = {read_spec(spec).name: spec.parent for spec in sorted(home.glob(f"*/*/{FILE}"))}
    if argument not in named:
        known = f"; there are {', '.join(named)}" if named else ""
        raise BadInputError(
            f"no series {argument!r}: give a folder with {FILE}, a directory of patches, an mbox, or a name from "
            f"`acceptlab series list`{known}"
        )
    return named[argument]
