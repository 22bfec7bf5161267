# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab run`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay import judge_runs
from acceptlab.toolkit.errors import EXIT_FINDINGS, EXIT_MACHINE, EXIT_OK, InterruptedByUserError
from acceptlab.toolkit.hardware.host import Host
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.backend import Emulated, Means
from acceptlab.toolkit.run.emulator_run import Finished
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.run.options import RunOptions


class Platform(StrEnum):
    """Which kind of confidential guest."""

    SNP = "snp"
    TDX = "tdx"


class Backing(StrEnum):
    """Size of the host's backing pages."""

    HUGE = "2M"
    SMALL = "4K"


class Assign(StrEnum):
    """When the host assigns pages."""

    DEMAND = "demand"
    ADVANCE = "advance"


class Shape(StrEnum):
    """How the kernel learns what is unaccepted."""

    TABLE = "table"
    MEMORY_MAP = "memory-map"
    STUB = "stub"


class PendingVe(StrEnum):
    """Whether a TD is told of a touch of a pending page."""

    OFF = "off"
    ON = "on"
    GUEST = "guest"


class Threads(StrEnum):
    """How vCPUs run."""

    SINGLE = "single"
    MULTI = "multi"


def run(
    kernel: Annotated[
        str,
        typer.Argument(
            help="debian:VERSION or debian:SUITE, perhaps with /cloud, /generic or /rt (debian:7.3/rt), a name that "
            "`kernel list` shows, a bzImage, a .deb, or a folder: a build tree, an unpacked package, /usr/lib/modules/V."
        ),
    ],
    platform: Annotated[Platform, typer.Option(help="AMD SEV-SNP or Intel TDX.")] = Platform.SNP,
    memory: Annotated[
        str, typer.Option(help="RAM of the guest, such as 512M, 16G or 256G.")
    ] = "16G",
    cpus: Annotated[int, typer.Option(help="Number of vCPUs, 1 to 16.")] = 1,
    accept: Annotated[
        str,
        typer.Option(
            metavar="POLICY",
            help="The kernel's accept_memory= parameter: lazy or eager; lazy-accept also has deferred[:THREADS], lazy+deferred[:THREADS] and fault[:UNITS]. The same parameter in --append outweighs it.",
        ),
    ] = "lazy",
    host_backing: Annotated[
        Backing, typer.Option(help="Size of the host's backing pages.")
    ] = Backing.HUGE,
    host_assign: Annotated[
        Assign, typer.Option(help="Host gives pages on demand, or all in advance.")
    ] = Assign.DEMAND,
    firmware_accepts: Annotated[
        str,
        typer.Option(
            help="What firmware accepted: below-4g, minimal, minimal+N (N in MiB), or all."
        ),
    ] = "below-4g",
    hand_over: Annotated[
        Shape,
        typer.Option(
            help="How the kernel learns what is unaccepted: the EFI stub's table; EFI's memory map alone "
            "(a boot loader that does without the stub); or by its own stub, entered with EFI's boot services."
        ),
    ] = Shape.TABLE,
    hole: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START-END", help="RAM that the guest does not have; may be repeated."
        ),
    ] = None,
    accepted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START-END",
            help="More that firmware accepted, in 4K pages; makes awkward shapes; may be repeated.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the guest's chance (RDRAND, and so KASLR).")
    ] = 1,
    kaslr: Annotated[
        bool, typer.Option("--kaslr/--no-kaslr", help="Let the kernel choose where it lies.")
    ] = True,
    append: Annotated[
        str, typer.Option(metavar="TEXT", help="More words for the kernel's command line.")
    ] = "",
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:ARG",
            help="What to do in userspace: touch:SIZE, together:SIZE (on all vCPUs at once), tmpfs:SIZE, huge:SIZE, processes:N, idle:SECONDS; exhaust takes memory until none is unaccepted; kexec or kdump (:KERNEL for another one) starts a second kernel, which does the rest; vmcore reads the crashed one; kcore and devmem read /proc/kcore and /dev/mem; ftrace prints what ftrace recorded, stats what the kernel counts about acceptance. May be repeated.",
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FUNCTION", help="Record entry and return of a guest function; may be repeated."
        ),
    ] = None,
    probe_lock: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOCK",
            help="Record who takes and releases a spin lock; with unaccepted_memory_lock the verdict can tell whether anything was accepted under it. May be repeated.",
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'WHEN ACT NUMBER'",
            help="Let the host do something hostile, such as 'accepted remap 0x40000000'; may be repeated.",
        ),
    ] = None,
    vmlinux: Annotated[
        str,
        typer.Option(metavar="FILE", help="Where to find symbols; else the kernel's own kallsyms."),
    ] = "",
    initrd: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="An initramfs of your own instead of ours; the run reached userspace when it prints 'ACCEPTLAB done'.",
        ),
    ] = "",
    pending_ve: Annotated[
        PendingVe,
        typer.Option(
            help="Whether a TD gets #VE when it touches a pending page: off (SEPT_VE_DISABLE), on, or off until the guest asks for it."
        ),
    ] = PendingVe.OFF,
    threads: Annotated[
        Threads, typer.Option(help="multi: a thread per vCPU; faster, but no longer repeatable.")
    ] = Threads.SINGLE,
    events: Annotated[bool, typer.Option("--events/--no-events", help="Record events.")] = True,
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="Stop the guest after this wall time.")
    ] = 600.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the run, new or empty; else a fresh one in the cache."
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Judge the run at once, as `acceptlab replay` does.")
    ] = False,
    keep_hand_over: Annotated[
        bool,
        typer.Option(
            "--keep-hand-over",
            help="Keep what was loaded into the guest's memory, in RUN/hand-over.",
        ),
    ] = False,
    hold: Annotated[
        bool,
        typer.Option(
            "--hold",
            help="Wait before the first event until `acceptlab collect --emulator RUN` has attached.",
        ),
    ] = False,
    hardware: Annotated[
        bool,
        typer.Option(
            "--hardware",
            help="Launch the guest by stock QEMU on this host, which has to be able to (acceptlab doctor tells).",
        ),
    ] = False,
    dry: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the command that would start the emulator (its hand-over is prepared), or with --hardware QEMU.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Boot KERNEL as a confidential guest, record every acceptance, and print the run's folder as the last line.

    Exit code: 0 the guest reached userspace; 1 it did not, or --replay found something; 2 wrong usage; 3 this machine can't,
    or the emulator was killed; 4 --replay cannot decide; 5 a fault of acceptlab.
    """
    options = RunOptions(
        kernel, platform.value, memory, cpus, accept, host_backing.value, host_assign.value, firmware_accepts,
        tuple(hole or ()), tuple(accepted or ()), seed, kaslr, append, tuple(workload or ()), tuple(probe or ()), tuple(probe_lock or ()),
        tuple(attack or ()), vmlinux,
        threads.value, events, time_limit, initrd, hand_over.value, hold, pending_ve.value, hardware,
    )  # fmt: skip
    image = resolve(kernel)
    means: Means = Host() if hardware else Emulated(emulator_build.ensure(), keep_hand_over)
    folder = out or fresh(f"{platform.value}-{memory}-{accept}")
    try:
        if dry:
            typer.echo(means.dry_run(options, image, folder))
            if out is None and not any(folder.iterdir()):
                folder.rmdir()
            return
        finished = means.perform(options, image, folder)
    except BaseException:
        if out is None:
            folder.rmdir()  # ours, and as empty as `perform` found it
        raise
    code = _exit_code(finished)
    if replay and events and not finished.interrupted:
        code = heaviest((code, judge_runs([finished.folder], quiet=as_json)))
    if as_json:
        print_json(_shown(finished, code))
    else:
        reason = f": {finished.outcome.reason}" if finished.outcome.reason else ""
        typer.echo(f"{finished.outcome.word}{reason}")
        typer.echo(finished.folder)
    if finished.interrupted:
        raise InterruptedByUserError(
            f"interrupted; what there is of the run is in {finished.folder}"
        )
    raise typer.Exit(code)


def _exit_code(finished: Finished) -> int:
    if finished.outcome.word == "userspace":
        return EXIT_OK
    return EXIT_MACHINE if finished.outcome.word == "killed" else EXIT_FINDINGS


def _shown(finished: Finished, code: int) -> dict[str, object]:
    events = finished.events
    return {
        "run": str(finished.folder),
        "outcome": finished.outcome.word,
        "reason": finished.outcome.reason,
        "events": events.events if events else None,
        "complete": events.complete if events else None,
        "emulator_wall_seconds": round(finished.seconds, 3),
        "exit_code": code,
    }
