# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series bench|export`."""

from __future__ import annotations

import typer

from toolkit.commands.series_bench import bench

series_app = typer.Typer(no_args_is_help=True, help="Patch series: measure them, export them.")

series_app.command(
    epilog="Example: acceptlab series bench base=debian:6.12 mine=arch/x86/boot/bzImage --seeds 3"
)(bench)
