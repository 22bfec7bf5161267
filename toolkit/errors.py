# SPDX-License-Identifier: GPL-2.0-only
"""The errors that a user is meant to see: one line, and the exit code that goes with it."""

from __future__ import annotations

from acceptlab.analysis import exit_codes

EXIT_OK = exit_codes.CLEAN
EXIT_FINDINGS = exit_codes.FINDINGS
EXIT_BAD_INPUT = exit_codes.BAD_INPUT
EXIT_MACHINE = exit_codes.MACHINE
EXIT_UNDECIDED = exit_codes.UNDECIDED
EXIT_FAULT = exit_codes.FAULT


class AcceptlabError(Exception):
    """Something that the user can act on. The message says what is wrong and what to do, in one line."""

    exit_code = EXIT_BAD_INPUT


class BadInputError(AcceptlabError):
    """An argument or a file is not what it should be."""

    exit_code = EXIT_BAD_INPUT


class InterruptedByUserError(AcceptlabError):
    """Ctrl-C, SIGTERM or SIGHUP, after everything is in order again."""

    exit_code = exit_codes.INTERRUPTED


class MachineError(AcceptlabError):
    """This machine cannot do it: a package, disk space, memory or the network is missing."""

    exit_code = EXIT_MACHINE
