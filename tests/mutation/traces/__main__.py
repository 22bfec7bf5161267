# SPDX-License-Identifier: GPL-2.0-only
"""Judge damaged runs and print a table: `python -m tests.mutation.traces [PART OF A NAME ...]`."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutation.traces.campaign import attempt, parts


def main() -> int:
    """Return 0 when no verdict is wrong, else 1."""
    wanted = sys.argv[1:] or [""]
    chosen = [one for one in parts() if any(word in str(one) for word in wanted)]
    tried: Counter[str] = Counter()
    faults = 0
    for part in chosen:
        with tempfile.TemporaryDirectory(prefix="acceptlab-damaged-") as folder:
            outcome = attempt(part, Path(folder))
        print(outcome.row(), flush=True)
        for one in outcome.wrong:
            print(f"    {one}", flush=True)
        tried[f"{part.how} of {'clean' if part.is_clean else 'broken'} guests"] += part.count
        faults += len(outcome.wrong)
    print(", ".join(f"{count} {name}" for name, count in tried.items()) + f": {faults} wrong")
    return int(not chosen or faults > 0)


if __name__ == "__main__":
    sys.exit(main())
