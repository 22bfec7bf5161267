# SPDX-License-Identifier: GPL-2.0-only
"""The callers of accepts, read from the stack, against what a probe on accept_memory() saw at its entry.

At a function's entry its return address is on top of the stack: nothing stale lies before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.kernel.caller_names import BEST_EFFORT
from acceptlab.analysis.kernel.symbols import symbols_of_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import Kind
from tests.boots.conftest import Boot, BootGuest

WORDS = ["--memory", "16G", "--workload", "touch:64M"]
COLUMNS = ("kind", "detail", "vcpu", "size", "caller", "caller_how", "stage")


def accepts(boot: Boot) -> Iterator[tuple[str, str, int]]:
    """Yield, for each accept inside accept_memory(): the probe's caller, the accept's own, and bytes."""
    probe = [one["name"] for one in boot.run["probes"]].index("accept_memory")
    names = FunctionNames(symbols_of_run(Run.open(boot.folder), None).name_of)
    inside: defaultdict[int, list[str]] = defaultdict(list)
    for batch in EventFile(boot.folder / "events.parquet").batches(COLUMNS):
        rows = zip(*(batch[name].tolist() for name in COLUMNS), strict=True)
        for kind, detail, vcpu, size, caller, how, stage in rows:
            if kind == Kind.PROBE_ENTER and detail == probe:
                inside[vcpu].append(names.caller(caller, how, stage))
            elif kind == Kind.PROBE_RETURN and detail == probe:
                inside[vcpu].pop()
            elif kind == Kind.ACCEPT and inside[vcpu]:
                yield inside[vcpu][-1], names.caller(caller, how, stage), size


@pytest.mark.parametrize(
    ("platform", "kernel"),
    [
        ("snp", "debian:6.12"),
        *(
            pytest.param(platform, kernel, marks=pytest.mark.long)
            for platform in ("snp", "tdx")
            for kernel in ("debian:6.12", "debian:6.16", "debian:7.3")
            if (platform, kernel) != ("snp", "debian:6.12")
        ),
    ],
)
def test_the_stack_names_those_whom_the_probe_saw(
    boot: BootGuest, platform: str, kernel: str
) -> None:
    """Nearly all bytes by their right name; and no other name without the mark that it may be wrong."""
    found: Counter[str] = Counter()
    for true, shown, size in accepts(boot(kernel, "--platform", platform, *WORDS)):
        right = shown.removeprefix(BEST_EFFORT) == true.removeprefix(BEST_EFFORT)
        unsure = not shown or shown.startswith(BEST_EFFORT)
        found["right" if right else "unsure" if unsure else f"{shown}, not {true}"] += size
    assert found.total() > 1 << 30
    assert found["right"] >= 0.95 * found.total()
    assert set(found) <= {"right", "unsure"}


@pytest.mark.long
@pytest.mark.parametrize("kernel", ["debian:6.12", "debian:newest"])
def test_what_an_early_exception_left_on_the_stack_is_no_cause(
    boot: BootGuest, kernel: str
) -> None:
    """Early in boot an SNP guest makes one page private again, with the stack of a #VC below its own (Linux, snp_memcpy())."""
    found = boot(kernel, "--platform", "snp", "--memory", "2G", "--firmware-accepts", "minimal")
    names = FunctionNames(symbols_of_run(Run.open(found.folder), None).name_of)
    seen = Counter[str]()
    for batch in EventFile(found.folder / "events.parquet").batches(COLUMNS):
        chosen = batch["kind"] == Kind.ACCEPT
        rows = zip(*(batch[name][chosen].tolist() for name in COLUMNS[-3:]), strict=True)
        seen.update(names.caller(*row) for row in rows)
    assert seen[f"{BEST_EFFORT}__sme_early_enc_dec"] == 1
