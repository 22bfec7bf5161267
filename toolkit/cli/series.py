# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series ...`: its commands."""

from __future__ import annotations

import typer

from acceptlab.toolkit.cli.series_bench import bench
from acceptlab.toolkit.cli.series_build import build
from acceptlab.toolkit.cli.series_check import b4_check, check
from acceptlab.toolkit.cli.series_demo import demo
from acceptlab.toolkit.cli.series_export import export
from acceptlab.toolkit.cli.series_sources import apply, init, list_series, show

series_app = typer.Typer(no_args_is_help=True, help="Patch series: apply, build and measure them.")

series_app.command("list", epilog="Example: acceptlab series list")(list_series)
series_app.command(epilog="Example: acceptlab series show accept-trace")(show)
series_app.command(epilog="Example: acceptlab series init v6.12..HEAD --out my-series.toml")(init)
series_app.command(epilog="Example: acceptlab series apply accept-trace --out ~/accept-trace")(
    apply
)
series_app.command(epilog="Example: acceptlab series build v6.12..HEAD --every")(build)
series_app.command(epilog="Example: acceptlab series demo")(demo)
series_app.command(epilog="Example: acceptlab series check accept-trace --patch last")(check)
series_app.command(
    "b4-check", epilog="Example: acceptlab series b4-check accept-trace <0003-my.patch"
)(b4_check)
series_app.command(
    epilog="Example: acceptlab series export accept-trace --out v2 --version 2 --previous v1"
)(export)
series_app.command(
    epilog="Example: acceptlab series bench base=debian:6.12 mine=arch/x86/boot/bzImage --seeds 3"
)(bench)
