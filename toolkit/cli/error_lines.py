# SPDX-License-Identifier: GPL-2.0-only
"""From an exception to the line and the exit code that a user gets."""

from __future__ import annotations

import errno

from acceptlab.analysis.bad_input import BadInput
from acceptlab.toolkit.errors import (
    EXIT_BAD_INPUT,
    EXIT_FAULT,
    EXIT_MACHINE,
    AcceptlabError,
    InterruptedByUserError,
)
from acceptlab.toolkit.faults import line_of

_NO_MEMORY = "out of memory: close other programs or reduce the guest's memory"


def ended_by(error: BaseException) -> tuple[str, int] | None:
    """Return the line and the exit code of an error; None for the end of a program that has said all itself."""
    if isinstance(error, SystemExit):
        # Typer turns a Ctrl-C into this, without a word.
        interrupted = error.code == InterruptedByUserError.exit_code
        return ("interrupted", InterruptedByUserError.exit_code) if interrupted else None
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", InterruptedByUserError.exit_code
    if isinstance(error, AcceptlabError):
        return str(error), error.exit_code
    limit = _machine_limit(error.__cause__ if isinstance(error, BadInput) else error)
    if limit:
        return limit, EXIT_MACHINE
    if isinstance(error, BadInput):
        return str(error), EXIT_BAD_INPUT
    return (line_of(error), EXIT_FAULT) if isinstance(error, Exception) else None


def _machine_limit(error: BaseException | None) -> str | None:
    """Return the line for what the operating system is out of or does not allow, else None."""
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    if not isinstance(error, OSError):
        return None
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"disk full{where}: free some space, or choose another folder (--out, XDG_CACHE_HOME)"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"permission denied{where}: choose a folder that you can read and write"
    if error.errno == errno.ENOMEM:
        return _NO_MEMORY
    return None
