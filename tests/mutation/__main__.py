# SPDX-License-Identifier: GPL-2.0-only
"""Try mutants and print a table: `python -m tests.mutation SUBJECT [--jobs N] [PART OF A NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys

from tests.mutation.engine import End, attempt_all, row, table
from tests.mutation.subjects import SUBJECTS


def main() -> int:
    """Return 0 when every mutant is caught, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="only mutants with this in their names"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    words = parser.parse_intermixed_args()
    subject = SUBJECTS[words.subject]
    names = [one.name for one in subject.mutants()]
    chosen = [name for name in names if any(part in name for part in words.parts or [""])]
    done = []
    for one in attempt_all(subject, chosen, words.jobs):
        print(row(one), flush=True)
        done.append(one)
    print(table(done))
    return int(not done or any(one.end != End.CAUGHT for one in done))


if __name__ == "__main__":
    sys.exit(main())
