# SPDX-License-Identifier: GPL-2.0-only
"""The line that says where the figures of a report are from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.report import render
from acceptlab.analysis.report.provenance_line import verdict_words
from acceptlab.analysis.run.run_info import Kernel
from acceptlab.analysis.version import VERSION
from acceptlab.toolkit.places import CHECKOUT
from tests.analysis.synthetic import Guest, booted

KERNEL = Kernel(
    "debian:6.12", "", "6.12.57", "abcdef0123456789", configuration="one", compiler="gcc 12"
)


def test_the_release_is_the_package_s() -> None:
    assert f'\nversion = "{VERSION}"\n' in (CHECKOUT / "pyproject.toml").read_text()


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_form_says_where_it_is_from(form: str, tmp_path: Path) -> None:
    run = booted(backing="4K").write(tmp_path / "run", kernel=KERNEL, emulator={"version": "7.2"})
    flat = " ".join(render([run], form).replace("\\", "").split())
    for words in (
        f"acceptlab {VERSION}; emulated SEV-SNP guest (QEMU 7.2)", "host pages: 4K, demand", "counts, not times",
        "debian:6.12 6.12.57 sha256 abcdef012345", "verdict: clean", "acceptlab run synthetic --platform snp",
    ):  # fmt: skip
        assert words in flat, words


def test_a_kernel_of_a_series_has_its_commit(tmp_path: Path) -> None:
    series = {"name": "lazy", "patches": 2, "commit": "0123456789abcdef"}
    text = render([booted().write(tmp_path / "run", kernel=KERNEL, series=series)], "markdown")
    assert "commit 0123456789ab;" in text


def test_a_recorded_guest_is_not_called_emulated_and_its_ns_are_named(tmp_path: Path) -> None:
    text = " ".join(
        render([booted().write(tmp_path / "run", source="ebpf", clock="ns")], "text").split()
    )
    assert "SEV-SNP guest, recorded by ebpf" in text and "emulated" not in text.split("verdict:")[0]
    assert "counts, not times, but for a clock of ns" in text


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["clean"], "clean"), (["clean", "clean"], "clean (all 2 runs)"),
        (["clean", "undecided", "findings", "clean"], "1 findings, 1 undecided, 2 clean"),
    ],
)  # fmt: skip
def test_verdicts_of_several_runs_are_counted_the_worst_first(
    verdicts: list[str], words: str
) -> None:
    assert verdict_words(verdicts) == words


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_runs_of_kernels_that_were_made_otherwise_say_so_first(form: str, tmp_path: Path) -> None:
    other = replace(KERNEL, version="6.13", sha256="b", configuration="two")
    guest = Guest()
    guest.boot()
    guest.end()
    runs = [guest.write(tmp_path / "a", kernel=KERNEL), guest.write(tmp_path / "b", kernel=other)]
    flat = " ".join(render(runs, form).split())
    assert "Not a fair pair: B has another configuration than A." in flat
    assert flat.index("Not a fair pair") < flat.index("Changes are relative")
    same = replace(other, configuration="one")
    fair = [runs[0], guest.write(tmp_path / "c", kernel=same)]
    assert "fair pair" not in render(fair, form)


def test_run_json_keeps_configuration_and_compiler(tmp_path: Path) -> None:
    run = booted().write(tmp_path / "run", kernel=KERNEL)
    kernel = json.loads((run / "run.json").read_text())["kernel"]
    assert (kernel["configuration"], kernel["compiler"]) == ("one", "gcc 12")


def test_only_html_can_be_static(tmp_path: Path) -> None:
    from acceptlab.analysis.bad_input import BadInput

    with pytest.raises(BadInput, match="only a report in HTML"):
        render([booted().write(tmp_path / "run")], "text", static=True)
