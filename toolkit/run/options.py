# SPDX-License-Identifier: GPL-2.0-only
"""One run as the user described it: options that some run can have, and the shell line that makes it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.declared_options import DeclaredOptions
from acceptlab.toolkit.run.option import values_of, words_of
from acceptlab.toolkit.run.option_checks import check


@dataclass(frozen=True)
class RunOptions(DeclaredOptions):
    """The options of a run, checked: one that no run can have raises BadInputError."""

    def __post_init__(self) -> None:
        """Raise BadInputError for a value that no run can have."""
        check(self)

    @classmethod
    def of_line(cls, line: str) -> RunOptions:
        """Return the options that `reproduce` made a shell line of. Raises BadInputError for another line."""
        try:
            words = shlex.split(line)
            at = words.index("run") if "run" in words else -2
            return cls(words[at + 1], **values_of(words[at + 2 :], cls))
        except (ValueError, IndexError) as error:
            raise BadInputError(
                f"{line!r} is no line that `acceptlab run` takes: {error}"
            ) from error

    def reproduce(self, kernel: str) -> str:
        """Return the shell line that makes this run again; `kernel` is the argument to name the kernel by."""
        shown = replace(
            self, hold=False, qmp="", from_saved=""
        )  # where a run waits, is asked, or goes on from, is no part of it
        return shlex.join(["acceptlab", "run", kernel, *words_of(shown, RunOptions)])
