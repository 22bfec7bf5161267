# SPDX-License-Identifier: GPL-2.0-only
"""`make bench`: boots against stock QEMU, injections a minute, replay speed, start-up, and the bounds that they are held to (exit 1 when one is missed)."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json, print_table
from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.platforms import CONFIDENTIAL
from acceptlab.toolkit.qemu import emulator_build
from benchmarks import boots, injections, replays, startup
from benchmarks.judged import Judged, judge

RATIO_BOUND = {"events off": 1.10, "events on": 1.25}
EVENTS_PER_SECOND_BOUND = 20e6
GROWTH_BOUND = 1.2
"""Time per event of the largest trace, by that of the smallest."""
INJECTIONS_BOUND = {"late": 60, "early": 20}
"""Injections a minute, on two idle cores."""
PEAK_BOUND = 4 << 30
"""Bytes."""
SIZES = (4, 64)
HUGE = 1024
"""GiB that the guests of the synthetic traces accept in 4K pages: 1, 17 and 270 million events."""

Row = dict[str, object]


class Only(StrEnum):
    """What can be measured by itself."""

    STARTUP = "startup"
    INJECTIONS = "injections"


def bench(
    only: Annotated[
        Only | None,
        typer.Argument(
            help="Measure only this: the processor time of short commands, or a campaign's injections a minute."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of boots for each platform.")] = 5,
    memory: Annotated[str, typer.Option(help="RAM of each guest.")] = "16G",
    kernel: Annotated[str, typer.Option(help="The kernel to boot.")] = "debian:6.12",
    skip_boots: Annotated[bool, typer.Option("--skip-boots", help="Only the replay.")] = False,
    skip_replay: Annotated[bool, typer.Option("--skip-replay", help="Only the boots.")] = False,
    huge: Annotated[
        bool,
        typer.Option("--huge", help="Replay 270 million events too: minutes, some 100 MB of disk."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure, print one table, and exit 1 when a bound is missed."""
    load = os.getloadavg()[0]
    rows: list[Row] = []
    if only != Only.INJECTIONS:
        rows += _startup_rows(startup.measure(startup.commands()))
    if only:
        skip_boots = skip_replay = True
    if only != Only.STARTUP:
        image, emulator = resolve(kernel), emulator_build.ensure()
        for platform in CONFIDENTIAL:
            rows += _injection_rows(platform, injections.measure(platform, kernel, emulator))
    if not skip_boots:
        for platform in CONFIDENTIAL:
            rows += _boot_rows(boots.compare(platform, memory, image, emulator, rounds))
    if not skip_replay:
        rows += _replay_rows("recorded", judge(replays.big_trace(image, emulator), replays.ROUNDS))
        rows += _scale_rows(replays.at_scale((*SIZES, HUGE) if huge else SIZES))
    if as_json:
        print_json({"load_before": load, "cores": os.cpu_count(), "rows": rows})
    else:
        print_table(
            ("what", "measured", "bound", ""), [[str(v) for v in row.values()] for row in rows]
        )
        typer.echo(
            f"load average before: {load:.2f} on {os.cpu_count()} cores; all times are of this machine, none is hardware's"
        )
    raise typer.Exit(0 if all(row["holds"] in ("holds", "") for row in rows) else 1)


def _startup_rows(seconds: dict[str, float]) -> list[Row]:
    """Return a row for each command: processor time, how many times that of an empty Python, and of b4."""
    rows = []
    for name, spent in seconds.items():
        ratio = f"{spent / seconds[startup.PYTHON]:.1f} x python"
        if startup.B4 in seconds:
            ratio += f", {spent / seconds[startup.B4]:.2f} x b4"
        bound = startup.BOUNDS.get(name)
        rows.append(
            _row(
                f"{name}: processor time (s)", f"{spent:.3f} ({ratio})",
                f"<= {bound}" if bound else "", bound is None or spent <= bound,
            )
        )  # fmt: skip
    return rows


def _boot_rows(result: boots.Result) -> list[Row]:
    times = ", ".join(f"{second:.1f}" for second in result.seconds["stock"])
    rows = [_row(f"{result.platform}: stock QEMU, ordinary guest (s)", times, "", True)]
    for kind, bound in RATIO_BOUND.items():
        times = ", ".join(f"{second:.1f}" for second in result.seconds[kind])
        rows.append(_row(f"{result.platform}: {kind} (s)", times, "", True))
        ratio = result.ratio(kind)
        rows.append(
            _row(
                f"{result.platform}: {kind}, by stock",
                f"{ratio:.3f}",
                f"<= {bound:.2f}",
                ratio <= bound,
            )
        )
    return rows


def _injection_rows(platform: str, rates: dict[str, injections.Rate]) -> list[Row]:
    rows = []
    for when, rate in rates.items():
        name, bound = f"{platform}: {when} injections", INJECTIONS_BOUND[when]
        rows += [
            _row(f"{name} a minute", f"{rate.a_minute:.0f}", f">= {bound}", rate.a_minute >= bound),
            _row(f"{name}: processor time of one (s)", f"{rate.processor_seconds:.2f}", "", True),
        ]
    return rows


def _replay_rows(name: str, result: Judged) -> list[Row]:
    name = f"replay, {name}"
    return [
        _row(f"{name}: events", f"{result.events:,} ({result.verdict})", "", True),
        _row(
            f"{name}: events/s", f"{result.per_second:,.0f}", f">= {EVENTS_PER_SECOND_BOUND:,.0f}",
            result.per_second >= EVENTS_PER_SECOND_BOUND,
        ),
        _row(f"{name}: with the start of Python (s)", f"{result.process_seconds:.2f}", "", True),
        _row(f"{name}: processor time (s)", f"{result.processor_seconds:.2f}", "", True),
        _row(
            f"{name}: peak memory", f"{result.peak / 2**30:.2f} GiB", f"<= {PEAK_BOUND >> 30} GiB",
            result.peak <= PEAK_BOUND,
        ),
    ]  # fmt: skip


def _scale_rows(result: replays.Scale) -> list[Row]:
    rows: list[Row] = []
    for gib, judged in result.judged.items():
        if gib == min(result.judged):  # too short for a speed of its own
            rows.append(_row(f"replay, {gib} GiB: ns/event", f"{judged.nanoseconds:.1f}", "", True))
        else:
            rows += _replay_rows(f"{gib} GiB", judged)
    growth = f"replay: time per event, {max(result.judged)} by {min(result.judged)} GiB"
    rows.append(
        _row(growth, f"{result.growth:.2f}", f"<= {GROWTH_BOUND}", result.growth <= GROWTH_BOUND)
    )
    peers, ours = result.peers, result.judged[replays.PEERS_SIZE]
    both = peers.trace_cmd + peers.pandas
    return [
        *rows,
        _row(f"trace-cmd report, {peers.events:,} events (s)", f"{peers.trace_cmd:.1f}", "", True),
        _row("a pandas loop for I2, the same events (s)", f"{peers.pandas:.1f}", "", True),
        _row("both, by our replay of all invariants", f"{both / ours.seconds:.0f} x", "", True),
    ]


def _row(what: str, measured: str, bound: str, holds: bool) -> Row:
    return {
        "what": what,
        "measured": measured,
        "bound": bound,
        "holds": ("holds" if holds else "MISSED") if bound else "",
    }


if __name__ == "__main__":
    try:
        typer.run(bench)
    except AcceptlabError as error:
        sys.stderr.write(f"bench: {error}\n")
        sys.exit(error.exit_code)
