# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json, print_table
from acceptlab.toolkit.doctor.checks import all_checks
from acceptlab.toolkit.errors import EXIT_MACHINE


def doctor(as_json: AsJson = False) -> None:
    """Show what this machine supports and what to install for the rest (exit 3 if a run is not possible)."""
    checks = all_checks()
    if as_json:
        whole = all(check.ok or check.is_optional for check in checks)
        print_json({"ok": whole, "checks": [asdict(check) for check in checks]})
    else:
        rows = [
            (
                "ok" if check.ok else "-" if check.is_optional else "MISSING",
                check.name,
                check.found,
                check.needed_for,
                check.remedy,
            )
            for check in checks
        ]
        print_table(("", "what", "found", "needed for", "remedy"), rows)
    if any(check.is_vital and not check.ok for check in checks):
        raise typer.Exit(EXIT_MACHINE)
