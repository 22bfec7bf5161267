# SPDX-License-Identifier: GPL-2.0-only
"""The errors that a user is meant to see: one line, and the exit code that goes with it."""

from __future__ import annotations

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2
EXIT_MACHINE = 3


class AcceptlabError(Exception):
    """Something that the user can act on. The message says what is wrong and what to do, in one line."""

    exit_code = EXIT_BAD_INPUT


class BadInputError(AcceptlabError):
    """An argument or a file is not what it should be."""

    exit_code = EXIT_BAD_INPUT


class InterruptedByUserError(AcceptlabError):
    """Ctrl-C, SIGTERM or SIGHUP, after everything is in order again; 128 + SIGINT, as shells have it."""

    exit_code = 130


class MachineError(AcceptlabError):
    """This machine cannot do it: a package, disk space, memory or the network is missing."""

    exit_code = EXIT_MACHINE
