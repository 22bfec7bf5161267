# SPDX-License-Identifier: GPL-2.0-only
"""Options of a run: what is refused at once, and the line that repeats a run."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.cli import run as command
from acceptlab.toolkit.cli import run_parameters
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.host_policies import HOST_POLICIES
from acceptlab.toolkit.run.option import options_of
from acceptlab.toolkit.run.options import RunOptions
from tests.examples import examples
from tests.toolkit.command_line import invoke


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"memory": "0"}, "--memory 0"),
        ({"memory": "lots"}, "'lots' is not a size"),
        ({"memory": "200T"}, "address width"),
        ({"memory": "200T", "platform": "tdx"}, "address width"),
        ({"cpus": 0}, "--cpus 0: must be 1 to 64"),
        ({"cpus": 65}, "--cpus 65"),
        ({"seed": -1}, "--seed -1"),
        ({"accept": "lasy"}, "--accept lasy: must be one of lazy, eager"),
        ({"accept": "deferred:"}, "--accept deferred:"),
        ({"kunit": "a b"}, "--kunit 'a b': no spaces or quotes"),
        ({"pending_ve": "on"}, "--pending-ve: only a TD has #VE"),
        ({"tdx_module": "2.0"}, "--tdx-module: only for a TD"),
        ({"shared_access": "ve"}, "--shared-access: only for a TD"),
        ({"tdx_module": "1.0", "platform": "tdx"}, "--tdx-module 1.0: must be one of 1.5, 2.0"),
        ({"sev_features": "debug-swap", "platform": "tdx"}, "--sev-features: only an SNP guest"),
        (
            {"sev_features": "debugswap"},
            "--sev-features debugswap: must be one of none, debug-swap",
        ),
        ({"time_limit": 0.0}, "--time-limit 0"),
        ({"time_limit": float("nan")}, "--time-limit nan"),
        ({"firmware_accepts": "some"}, "'some' is unknown"),
        ({"holes": ("1G",)}, "hole"),
        ({"holes": ("1P+4K",)}, "hole"),
        ({"accepted": ("5-6",)}, "accepted"),
        ({"workloads": ("dance:3",)}, "workload 'dance:3'"),
        ({"attacks": ("remap 0x1000",)}, "WHEN ACTION NUMBER"),
        ({"attacks": ("soon remap 0x1000",)}, "not a moment"),
        ({"attacks": ("kernel eat 0x1000",)}, "not an action"),
        ({"attacks": ("kernel busy many",), "platform": "tdx"}, "not an address"),
        ({"probes": ("f", "f")}, "--probe"),
        ({"root": "/no/such"}, "--root /no/such: No such file"),
        ({"root": "debian:sid", "initrd": "/dev/null"}, "--root: our init mounts it"),
        ({"root": "debian:sid", "root_mode": "rx"}, "--root-mode rx: must be one of overlay, ro"),
        ({"root": "debian:sid", "modules": "/no/such"}, "--modules /no/such: no such folder"),
        ({"root": "debian:sid", "workloads": ("kexec:other",)}, "has to be the same one"),
        ({"root_mode": "ro"}, "--root-mode: only with --root"),
        ({"machine": "pc"}, "--machine pc: must be one of microvm, q35"),
        ({"machine": "q35", "hotplug": ("userspace add 1G",)}, "only for --machine microvm"),
        ({"machine": "q35", "low_memory": "2G"}, "--low-memory: a q35 has its own"),
        ({"devices": ("gpu",)}, "--device gpu: must be one of rng"),
        ({"devices": ("rng", "rng")}, "--device: device given twice"),
        ({"devices": ("rng",), "initrd": "/dev/null"}, "our init loads the drivers"),
        ({"modules": "/"}, "--modules: only with --root, --device or a virtio-mem device"),
        (
            {"hotplug": ("userspace resize 1G",), "initrd": "/dev/null"},
            "our init loads virtio-mem; drop --initrd",
        ),
        ({"probe_locks": ("f", "f")}, "--probe-lock"),
    ],
)
def test_what_no_run_can_have_is_refused_in_one_line(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError) as raised:
        RunOptions("debian:6.12", **wrong)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_kaslr_and_acceptance_reach_the_kernel() -> None:
    words = RunOptions("k", accept="eager", kaslr=False, append="quiet a=b").command_line.split()
    assert words[-4:] == ["accept_memory=eager", "nokaslr", "quiet", "a=b"]
    assert "nokaslr" not in RunOptions("k").command_line


@pytest.mark.parametrize(
    ("append", "policy"),
    [
        ("", "eager"),
        ("quiet", "eager"),
        ("quiet accept_memory=fault:8", "fault:8"),
        ("accept_memory=fault accept_memory=deferred quiet", "deferred"),
        ("accept_memory=fault accept_memory=rubbish", "lazy"),
        ("x_accept_memory=fault", "eager"),
    ],
)
def test_the_last_word_on_acceptance_counts_as_in_the_kernel(append: str, policy: str) -> None:
    options = RunOptions("k", accept="eager", append=append)
    assert options.policy == policy
    assert "accept_memory=eager" in options.command_line


@pytest.mark.parametrize(
    ("workloads", "append", "reserved"),
    [
        (("kdump",), "", ["crashkernel=256M"]),
        (("kdump",), "crashkernel=1G", ["crashkernel=1G"]),
        (("kexec",), "", []),
    ],
)
def test_memory_is_set_apart_for_a_crash_that_is_to_come(
    workloads: tuple[str, ...], append: str, reserved: list[str]
) -> None:
    words = RunOptions("k", workloads=workloads, append=append).command_line.split()
    assert [word for word in words if word.startswith("crashkernel=")] == reserved


options = st.builds(
    RunOptions,
    kernel=st.just("debian:6.12"),
    platform=st.sampled_from(["snp", "tdx"]),
    memory=st.sampled_from(["2G", "16G", "256G"]),
    cpus=st.integers(1, 16),
    accept=st.sampled_from(["lazy", "eager", "deferred:4", "lazy+deferred", "fault:8"]),
    host=st.sampled_from(list(HOST_POLICIES)),
    host_backing=st.sampled_from(["policy", "2M", "4K"]),
    host_assign=st.sampled_from(["demand", "advance"]),
    firmware_accepts=st.sampled_from(["below-4g", "minimal", "minimal+64", "all"]),
    handoff=st.sampled_from(["table", "memory-map", "stub"]),
    holes=st.sampled_from([(), ("1G-1028M",), ("1G-1028M", "1536M+8K")]),
    accepted=st.sampled_from([(), ("1100M+4K",)]),
    seed=st.integers(0, 2**63 - 1),
    kaslr=st.booleans(),
    append=st.sampled_from(["", "quiet", "a='b c' $HOME \"d\""]),
    workloads=st.sampled_from([(), ("touch:64M", "idle:1"), ("kexec:debian:6.1", "idle:1")]),
    probes=st.sampled_from([(), ("accept_memory", "pvalidate_pages")]),
    probe_locks=st.sampled_from([(), ("unaccepted_memory_lock",)]),
    attacks=st.just(()),
    vmlinux=st.sampled_from(["", "/a path/vmlinux"]),
    threads=st.sampled_from(["single", "multi"]),
    events=st.booleans(),
    time_limit=st.sampled_from([0.5, 60.0, 600.0]),
)


ATTACKS = {
    "snp": ("accepted remap 0x7f000000", "kernel psc-error 3"),
    "tdx": ("accepted remove 0x7f000000", "kernel busy 3"),
}
attacked = st.builds(
    lambda asked, some: replace(asked, attacks=ATTACKS[asked.platform] if some else ()),
    options,
    st.booleans(),
)


@examples(8)
@given(attacked)
def test_the_reproducing_line_asks_for_the_same_run(asked: RunOptions) -> None:
    words = shlex.split(asked.reproduce(asked.kernel))
    assert words[0] == "acceptlab"
    seen: list[RunOptions] = []

    def stand_in(kernel: object) -> None:
        raise AssertionError(kernel)

    class Recorder(RunOptions):
        def __post_init__(self) -> None:
            super().__post_init__()
            seen.append(RunOptions(**self.__dict__))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_parameters, "RunOptions", Recorder)
        patch.setattr(command, "resolve", stand_in)
        invoke(words[1:])
    assert seen == [asked]


def test_where_a_run_is_asked_is_no_part_of_it(tmp_path: Path) -> None:
    asked = RunOptions("k", qmp=str(tmp_path / "qmp"))
    assert asked.reproduce("k") == RunOptions("k").reproduce("k")
    assert RunOptions.of_line(asked.reproduce("k")) == RunOptions("k")


def test_a_socket_has_a_short_path_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at most 107 bytes"):
        RunOptions("k", qmp="/" + 107 * "x")
    with pytest.raises(BadInputError, match="exists already"):
        RunOptions("k", qmp=str(tmp_path))


def test_an_option_is_named_where_it_is_given() -> None:
    """A new option would take the place of another, else."""
    with pytest.raises(TypeError, match="positional"):
        RunOptions("k", "snp")  # type: ignore[misc]


def test_kunit_s_filter_is_the_kernel_s_parameter() -> None:
    assert "kunit" not in RunOptions("k").command_line
    words = RunOptions("k", kunit="unaccepted*.twice").command_line.split()
    assert {"kunit.enable=1", "kunit.filter_glob=unaccepted*.twice"} <= set(words)


def test_an_option_has_each_of_its_names_once() -> None:
    names = [
        name
        for _, shown in options_of(RunOptions).values()
        for name in (shown.name, shown.off, *shown.old_names)
        if name
    ]
    assert sorted(names) == sorted(set(names))
    assert "--hand-over" in names  # of earlier releases
