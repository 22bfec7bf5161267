# SPDX-License-Identifier: GPL-2.0-only
"""The commands of `acceptlab`: name, where each is, one line of help, an example. A command's module is loaded only to run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, cast

from acceptlab.analysis.records import record


@record(frozen=True)
class Command:
    """One command, or a group of commands such as `series`."""

    name: str
    attribute: str
    """``MODULE.NAME`` below toolkit.cli."""
    help: str
    example: str = ""
    old_names: tuple[str, ...] = ()
    """Names of earlier releases, still taken."""
    plain: str = ""
    """``MODULE.NAME`` of what does it without Typer when no option is given: takes the other words, returns the exit code."""

    def load(self) -> Any:
        """Import the command's module; return its function, or the Typer application of a group."""
        return _loaded(self.attribute)

    def load_plain(self) -> Callable[[Sequence[str]], int]:
        """Import what does the command without Typer."""
        return cast("Callable[[Sequence[str]], int]", _loaded(self.plain))


def _loaded(attribute: str) -> Any:
    module, name = attribute.rsplit(".", 1)
    return getattr(import_module(f"acceptlab.toolkit.cli.{module}"), name)


COMMANDS = {
    "Set up": (
        Command("doctor", "doctor.doctor", "Show what this machine supports and what to install for the rest.", "acceptlab doctor"),
        Command("setup", "setup.setup", "Build the emulator and fetch the default kernel.",
                "acceptlab setup --qemu-source ~/qemu_10.0.13+ds.orig.tar.xz"),
        Command("demo", "demo.demo", "Boot a kernel as an SNP and a TDX guest, judge and compare both.", "acceptlab demo --memory 64G"),
    ),
    "Boot and record": (
        Command("run", "run.run", "Boot a kernel as a confidential guest and record every accept.",
                "acceptlab run debian:6.12 --platform tdx --memory 16G --cpus 4 --accept lazy --replay"),
        Command("kernel", "kernel.kernel_app", "Fetch, build and list kernels."),
        Command("matrix", "matrix.matrix", "Boot every combination of a sweep and compare them.",
                "acceptlab matrix data/sweeps/discussion.toml --out comparison"),
        Command("explore", "explore.explore", "Boot a kernel under many schedules of its vCPUs and look for races.",
                "acceptlab explore debian:6.12 --platform snp --cpus 4 --memory 4G --schedules 200"),
        Command("campaign", "campaign.campaign", "Inject every malicious host action at every kind of moment.",
                "acceptlab campaign debian:6.12 --platform tdx --memory 8G --act remove-aug"),
        Command("collect", "collect.collect", "Record a live emulator or guest by eBPF, or a boot by kernel tracing.",
                "acceptlab collect --out by-ebpf -- debian:6.12 --platform tdx --memory 4G"),
        Command("import", "import_.import_", "Convert another tool's trace to a run folder.",
                "acceptlab import trace.dat.xz --platform snp --replay"),
    ),
    "Judge and report": (
        Command("replay", "replay.replay", "Judge runs from their traces alone.", "acceptlab replay ~/.cache/acceptlab/runs/* --json",
                plain="judged_runs.replay_plainly"),
        Command("report", "report.report", "Report on one run, or compare several: text, Markdown, JSON, HTML.",
                "acceptlab report RUN1 RUN2 --format html --out comparison.html"),
        Command("debug", "debug.debug", "Boot a run again and halt it at an event: registers, stack, page, or gdb.",
                "acceptlab debug RUN --page 0x40000000 --last accept"),
        Command("export", "export.export", "Export events for other tools: a timeline for Perfetto, CSV, Parquet.",
                "acceptlab export RUN --format perfetto --out boot.pftrace"),
        Command("batch", "batch.batch", "Judge many runs as one dataset.",
                "acceptlab batch ~/.cache/acceptlab/runs --jobs 2 --out runs.parquet", ("fleet",)),
        Command("estimate", "estimate.estimate", "Estimate acceptance for larger guests. Modelled times.",
                "acceptlab estimate RUN1 RUN2 --memory 12T --cpus 512 --profile tdx-shutemov-2024", ("project",)),
        Command("firmware", "firmware.firmware", "Compare what real firmware did before the kernel.",
                "acceptlab firmware RUN1 RUN2"),
        Command("metadata", "metadata.metadata", "Compare the cost of tracking unaccepted memory: bitmap, page flag, memory map.",
                "acceptlab metadata RUN1 RUN2", ("tracking",)),
    ),
    "Patch series": (
        Command("series", "series.series_app", "Apply, build, check, bench and export patch series."),
        Command("bisect", "bisect.bisect", "Find the commit or the packaged kernel with which a verdict changes.",
                "acceptlab bisect --packages 6.12..7.3 --run '--platform snp --memory 2G --workload kexec'"),
    ),
}  # fmt: skip
"""Commands by group, in the order of `acceptlab --help`."""


def all_commands() -> list[Command]:
    """Return every command, in order."""
    return [command for group in COMMANDS.values() for command in group]


def find(name: str) -> Command | None:
    """Return the command of that name, or of that old name; None when there is none."""
    for command in all_commands():
        if name == command.name or name in command.old_names:
            return command
    return None


def overview() -> str:
    """Return the text of `acceptlab --help`."""
    lines = [
        "Usage: acceptlab COMMAND [ARGUMENTS]",
        "",
        "Boot kernels as emulated SEV-SNP and TDX guests, record every accept, and judge the trace.",
    ]
    for title, commands in COMMANDS.items():
        lines += ["", f"{title}:", *(f"  {one.name:<10}{one.help}" for one in commands)]
    lines += [
        "",
        "Options:",
        "  --version             Print the version.",
        "  --install-completion  Install shell completion.",
        "  -h, --help            Show this help; after COMMAND, its options.",
    ]
    return "\n".join(lines)
