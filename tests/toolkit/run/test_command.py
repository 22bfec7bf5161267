# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's command line, and the files of functions that go with it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.handoff_files import HandoffFiles
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.run import probes, skip_list
from acceptlab.toolkit.run.emulator_command import RunFiles, cpu_model, emulator_command
from acceptlab.toolkit.run.follower import last_line
from acceptlab.toolkit.run.options import RunOptions

TABLE = [
    (0x1000, "_stext"),
    (0x1000, "pvalidate_pages"),
    (0x1100, "do_fork"),
    (0x1200, "accept_memory.part.0"),
    (0x1300, "kmalloc"),
    (0x1400, "panic"),
    (0x1500, "panic_print"),
    (0x2000, "_etext"),
    (0x3000, "accept_memory_data"),
]


def command(folder: Path, on_terminal: bool = False, **options: object) -> list[str]:
    handoff = HandoffFiles(folder, folder / "map", folder / "rom", [(folder / "k", 0x1000)])
    asked = RunOptions("k", **options)  # type: ignore[arg-type]
    return emulator_command(
        Path("/emulator"),
        bases.default().version,
        asked,
        handoff,
        RunFiles(folder),
        on_terminal=on_terminal,
    )


def test_a_console_on_a_terminal_is_logged_and_the_clock_waits() -> None:
    words = {on: command(Path("/a,b"), on_terminal=on) for on in (False, True)}
    consoles = {on: words[on][words[on].index("-chardev") + 1] for on in words}
    assert consoles == {
        False: "file,id=con,path=/a,,b/console.log",
        True: "stdio,id=con,mux=on,signal=off,logfile=/a,,b/console.log",
    }
    clocks = {on: words[on][words[on].index("-icount") + 1] for on in words}
    assert clocks == {False: "shift=0,sleep=off", True: "shift=0,sleep=on"}


def test_one_thread_counts_instructions_and_many_do_not() -> None:
    single, multi = command(Path("/r")), command(Path("/r"), threads="multi")
    assert "-icount" in single
    assert "-icount" not in multi
    assert "tcg,thread=multi" in multi


@pytest.mark.parametrize("platform", ["snp", "tdx", "plain"])
def test_no_base_shows_a_feature_that_makes_its_guests_slow(platform: str) -> None:
    """Linux copies by `rep movsb` where the processor has FSRM, and TCG executes that byte by byte."""
    for version in bases.known():
        assert "fsrm=off" in cpu_model(platform, version).split(",")


@pytest.mark.parametrize("platform", CONFIDENTIAL)
def test_a_guest_has_the_processor_that_is_wanted(platform: str) -> None:
    """A named one with the same properties as any: no XSAVE without XSAVEC and XSAVES, no MONITOR."""
    for name in PLATFORMS[platform].processors:
        words = command(Path("/r"), platform=platform, cpu=name)
        model, *properties = words[words.index("-cpu") + 1].split(",")
        assert model == name
        usual = command(Path("/r"), platform=platform)
        assert {"xsave=off", "avx=off", *usual[usual.index("-cpu") + 1].split(",")[1:]} <= set(
            properties
        )


def test_a_processor_of_the_other_platform_is_refused() -> None:
    with pytest.raises(BadInputError, match="--cpu EPYC-Genoa: a guest of --platform tdx has Sapp"):
        command(Path("/r"), platform="tdx", cpu="EPYC-Genoa")


def test_a_td_can_have_five_levels_of_page_tables() -> None:
    for la57 in (False, True):
        words = command(Path("/r"), platform="tdx", la57=la57)
        levels = [word for word in words[words.index("-cpu") + 1].split(",") if "la57" in word]
        assert levels[-1] == f"la57={'on' if la57 else 'off'}"
    with pytest.raises(BadInputError, match=r"--la57: .*add --platform tdx"):
        command(Path("/r"), platform="snp", la57=True)


def test_platform_and_host_are_told() -> None:
    words = command(Path("/r"), platform="tdx", host_backing="4K", host_assign="advance", cpus=4)
    guest = next(word for word in words if word.startswith("tdx-emulated"))
    assert ",host-backing=4K," in guest and ",host-assign=advance," in guest
    assert words[words.index("-smp") + 1] == "4"


@pytest.mark.parametrize(
    ("host", "given"),
    [
        ({}, "host-backing=2M,host-in-place=off"),
        ({"host": "kvm"}, "host-backing=4K,host-in-place=off"),
        ({"host": "kvm-hugepage"}, "host-backing=2M,host-in-place=off"),
        ({"host": "in-place"}, "host-backing=4K,host-in-place=on"),
        ({"host": "kvm", "host_backing": "2M"}, "host-backing=2M,host-in-place=off"),
    ],
)
def test_a_host_policy_sets_what_the_host_does(host: dict[str, str], given: str) -> None:
    guest = next(word for word in command(Path("/r"), **host) if word.startswith("snp-emulated"))
    assert f",{given}," in guest


@pytest.mark.parametrize(
    ("pending_ve", "told"),
    [("off", ""), ("on", ",pending-ve=on,"), ("guest", ",flexible-pending-ve=on,")],
)
def test_a_td_is_told_of_pending_pages_if_wanted(pending_ve: str, told: str) -> None:
    words = command(Path("/r"), platform="tdx", pending_ve=pending_ve)
    guest = next(word for word in words if word.startswith("tdx-emulated"))
    assert told in guest
    assert ("pending-ve" in guest) == bool(told)


def test_a_td_has_the_module_and_the_host_that_are_wanted() -> None:
    def guest(platform: str, **options: str) -> str:
        words = command(Path("/r"), platform=platform, **options)
        return next(word for word in words if word.startswith(f"{platform}-emulated"))

    assert ",module=1.5,shared-access=stop," in guest("tdx") + ","
    changed = guest("tdx", tdx_module="2.0", shared_access="convert") + ","
    assert ",module=2.0,shared-access=convert," in changed
    assert "module=" not in guest("snp")


@pytest.mark.parametrize("platform", ["snp", "tdx"])
@pytest.mark.parametrize(
    ("options", "implicit"),
    [
        ({}, "off"),
        ({"host": "kvm"}, "on"),
        ({"host": "kvm-hugepage"}, "on"),
        ({"host": "in-place"}, "on"),
    ],
)
def test_a_host_converts_at_an_access_where_kvm_does(
    platform: str, options: dict[str, str], implicit: str
) -> None:
    words = command(Path("/r"), platform=platform, **options)
    guest = next(word for word in words if word.startswith(f"{platform}-emulated")) + ","
    assert f",host-implicit={implicit}," in guest
    shared = "convert" if implicit == "on" else "stop"
    assert platform == "snp" or f",shared-access={shared}," in guest


def test_what_the_host_makes_of_a_shared_access_may_be_said_for_itself() -> None:
    words = command(Path("/r"), platform="tdx", host="kvm", shared_access="ve")
    guest = next(word for word in words if word.startswith("tdx-emulated")) + ","
    assert ",host-implicit=off," in guest
    assert ",shared-access=ve," in guest


@pytest.mark.parametrize(("features", "on"), [("none", False), ("debug-swap", True)])
def test_an_snp_guest_has_the_features_that_are_wanted(features: str, on: bool) -> None:
    guest = next(
        word
        for word in command(Path("/r"), sev_features=features)
        if word.startswith("snp-emulated")
    )
    assert (",debug-swap=on," in guest) == on == ("debug-swap" in guest)


def test_a_comma_in_a_path_is_no_separator() -> None:
    guest = next(word for word in command(Path("/a,b")) if word.startswith("snp-emulated"))
    assert "events=/a,,b/events.raw" in guest


def test_events_off_means_no_stream_and_no_snapshots() -> None:
    guest = next(w for w in command(Path("/r"), events=False) if w.startswith("snp-emulated"))
    assert "events=" not in guest
    assert "snapshots=" not in guest


def test_attacks_are_the_emulator_s_own_words() -> None:
    """The names that we check are those that the emulator reads, by platform and kind."""
    code = (CHECKOUT / "emulator" / "qemu" / "attacks.c").read_text()
    read = re.findall(r'\[ATTACK_[A-Z_]+\] = \{ "([a-z-]+)", "(snp|tdx)"(, true)? \}', code)
    for platform in ("snp", "tdx"):
        ours = PLATFORMS[platform]
        for acts, on_calls in ((ours.attacks_on_pages, ""), (ours.attacks_on_calls, ", true")):
            names = {name for name, of, calls in read if (of, calls) == (platform, on_calls)}
            assert names == set(acts)


@pytest.mark.parametrize(
    ("platform", "text", "why"),
    [
        (
            "tdx",
            "accepted remap 0x40000000",
            "'remap' is an action for snp, not for tdx; use one of",
        ),
        ("snp", "kernel busy 1", "'busy' is an action for tdx, not for snp; use one of remap,"),
        ("snp", "kernel burn 1", "'burn' is not an action; use one of remap,"),
        (
            "plain",
            "kernel remap 0x100000",
            "attacks on a plain guest are not supported; add --platform snp or tdx",
        ),
        (
            "tdx",
            "accepted remove 0x140000000",
            "0x140000000 is not in the guest's RAM (0x0-0xa0000,",
        ),
        ("snp", "accepted remap 0xa0000", "0xa0000 is not in the guest's RAM"),
        ("snp", "accepted remap 0x1000000", "0x1000000 is not in the guest's RAM"),
        ("tdx", "accepted keep 4294967295", "0xffffffff is not in the guest's RAM"),
    ],
)
def test_an_attack_that_cannot_take_place_is_refused(platform: str, text: str, why: str) -> None:
    with pytest.raises(BadInputError) as refused:
        RunOptions("k", platform=platform, memory="4G", holes=("16M+16M",), attacks=(text,))
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        ("snp", "accepted remap 0x13FFFFFFF"),
        ("snp", "kernel psc-error 5368709120"),
        ("tdx", "accepted remove 0"),
        ("tdx", "userspace busy 3"),
    ],
)
def test_an_attack_that_can_take_place_is_taken(platform: str, text: str) -> None:
    assert RunOptions("k", platform=platform, memory="4G", attacks=(text,)).attacks == (text,)


def test_attacks_reach_the_emulator() -> None:
    words = command(Path("/r"), attacks=("accepted remap 0x40000000",))
    assert any(",attacks=/r/handoff/attacks" in word for word in words)


def test_functions_are_skipped_up_to_the_next_symbol() -> None:
    assert skip_list.skip_list_text(TABLE).splitlines() == [
        "text 0x1000 0x2000",
        "skip 0x1000 0x1100",
        "skip 0x1200 0x1300",
        "panic 0x1400 0x1500",
    ]


def test_text_that_is_freed_after_boot_has_callers_as_well() -> None:
    table = [*TABLE, (0x4000, "_sinittext"), (0x4000, "early_accept"), (0x4800, "tdx_map_gpa")]
    table += [(0x4900, "_einittext"), (0x5000, "tdx_accept_memory")]
    assert skip_list.skip_list_text(table).splitlines() == [
        "text 0x1000 0x2000",
        "text 0x4000 0x4900",
        "skip 0x1000 0x1100",
        "skip 0x1200 0x1300",
        "skip 0x4800 0x4900",
        "panic 0x1400 0x1500",
    ]


SECOND = [(0x1000, "_stext"), (0x1600, "panic"), (0x1700, "oops_enter"), (0x1800, "_etext")]


def test_a_second_kernel_is_watched_by_its_own_symbols() -> None:
    first = skip_list.skip_list_text(TABLE)
    assert skip_list.whole_text(TABLE, second=SECOND) == (
        first + "second-panic 0x1600 0x1700\nsecond-oops 0x1700 0x1800\n"
    )
    assert skip_list.whole_text(TABLE) == first


def test_without_the_edges_of_text_there_is_no_skip_list() -> None:
    assert skip_list.skip_list_text(TABLE[1:]) == ""
    assert skip_list.whole_text(TABLE[1:], second=SECOND) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("tdx_accept_memory", "cond_accept_memory", "accept_page.isra.0"),
        *("pval_pages", "svsm_pval_pages", "svsm_pval_4k_page", "__page_state_change"),
        *("__pi_early_set_pages_state", "__pi_pvalidate_4k_page", "__pi___page_state_change"),
    ],
)
def test_skipped_by_name(name: str) -> None:
    assert skip_list.is_skipped(name)


def test_exits_are_a_list_of_their_own() -> None:
    """Every #VC and #VE calls them: they carry an accept out, but a call of one is no sign of an accept."""
    handlers = ("do_early_exception", "early_idt_handler_common", "handle_vc_boot_ghcb")
    names = ("__tdcall_ret", "__tdx_hypercall", "sev_es_ghcb_hv_call", "sev_es_ghcb_hv_call.part.0")
    for name in (*handlers, *names):
        assert skip_list.is_exit(name)
        assert not skip_list.is_skipped(name)
    assert not skip_list.is_exit("tdx_accept_memory")
    table = [*TABLE, (0x1F00, "__tdcall_ret"), (0x1F80, "its_caller")]
    lines = skip_list.skip_list_text(sorted(table)).splitlines()
    assert "exit 0x1f00 0x1f80" in lines
    assert "skip 0x1f00 0x1f80" not in lines


def test_a_series_has_functions_of_its_own_to_skip() -> None:
    """By name, whatever suffix the compiler gave them; no other name is skipped for it."""
    own = ("accept_units",)
    for name in ("accept_units", "accept_units.isra.0", "accept_units.constprop.0.cold"):
        assert skip_list.is_skipped(name, own)
        assert not skip_list.is_skipped(name)
    assert not skip_list.is_skipped("accept_units_of", own)
    assert skip_list.is_skipped("tdx_accept_memory", own)
    table = [*TABLE, (0x1F00, "accept_units"), (0x1F80, "its_caller")]
    lines = skip_list.skip_list_text(sorted(table), own).splitlines()
    assert set(lines) - set(skip_list.skip_list_text(sorted(table)).splitlines()) == {
        "skip 0x1f00 0x1f80"
    }


@pytest.mark.parametrize(
    "name",
    [
        *("get_page_from_freelist", "memblock_alloc", "acceptable", "tdx_early_init"),
        *("svsm_setup", "__pi_memcpy"),
    ],
)
def test_who_wants_memory_is_not_skipped(name: str) -> None:
    assert not skip_list.is_skipped(name)


def test_probes_are_resolved_and_written(tmp_path: Path) -> None:
    probes.write(probes.resolve(["kmalloc", "do_fork"], TABLE, "k"), tmp_path / "probes")
    assert (tmp_path / "probes").read_text() == "kmalloc 0x1300\ndo_fork 0x1100\n"


def test_functions_to_count_come_last_with_the_parts_that_gcc_made_of_them(tmp_path: Path) -> None:
    table = [*TABLE, (0x2000, "kmalloc.cold"), (0x2100, "kmalloc_node"), (0x2200, "kmalloc.isra.0")]
    counts = probes.resolve_counts(["kmalloc"], table, "k")
    probes.write(probes.resolve(["do_fork"], TABLE, "k"), tmp_path / "probes", counts)
    assert (tmp_path / "probes").read_text() == (
        "do_fork 0x1100\ncount\nkmalloc 0x1300\nkmalloc.cold 0x2000\nkmalloc.isra.0 0x2200\n"
    )


def test_functions_of_one_kernel_are_not_counted_in_another(tmp_path: Path) -> None:
    counts = [
        replace(one, kernel="first") for one in probes.resolve_counts(["do_fork"], TABLE, "k")
    ]
    probes.write([], tmp_path / "probes", counts)
    assert (tmp_path / "probes").read_text() == "second\ncount\ndo_fork 0x1100\n"


def test_a_function_that_cannot_be_counted_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"--count kmall: k has no function .*inlined"):
        probes.resolve_counts(["kmall"], TABLE, "k")


def test_another_second_kernel_has_lines_of_its_own(tmp_path: Path) -> None:
    first = probes.resolve(["kmalloc", "do_fork"], TABLE, "k")
    second = Kernel("k", tmp_path, "6.12", "1" * 64)
    both, missing = probes.in_two_kernels(first, (), [(0x5000, "kmalloc")], second)
    probes.write(both, tmp_path / "probes")
    assert (tmp_path / "probes").read_text() == (
        "kmalloc 0x1300\ndo_fork 0x1100\nsecond\nkmalloc 0x5000\n"
    )
    assert list(missing) == ["second: do_fork"]
    assert "the second kernel has no function of that name" in missing["second: do_fork"]


LOCKS = [(0x1000 + 16 * index, name) for index, name in enumerate(probes.LOCK_FUNCTIONS)]


def test_a_lock_is_watched_where_it_is_taken_and_released(tmp_path: Path) -> None:
    probes.write(
        probes.resolve_locks(["my_lock"], [*LOCKS, (0x9000, "my_lock")], "k"), tmp_path / "probes"
    )
    lines = (tmp_path / "probes").read_text().splitlines()
    assert lines[0] == "my_lock 0x9000"
    assert lines[1:] == [f"{name} {address:#x} 0x9000" for address, name in LOCKS]


@pytest.mark.parametrize("missing", [*probes.LOCK_FUNCTIONS, "my_lock"])
def test_a_lock_that_cannot_be_watched_is_refused(missing: str) -> None:
    table = [entry for entry in [*LOCKS, (0x9000, "my_lock")] if entry[1] != missing]
    with pytest.raises(BadInputError, match="--probe-lock my_lock: k has no "):
        probes.resolve_locks(["my_lock"], table, "k")


ACCEPTING = [(0x8000, "accept_memory"), (0x9000, "unaccepted_memory_lock")]


def test_every_run_watches_accept_memory_and_its_lock() -> None:
    found = probes.defaults([], [*LOCKS, *ACCEPTING], "k", "")
    assert [one.name for one in found.watched] == [
        "accept_memory", "unaccepted_memory_lock", *(name for _, name in LOCKS)
    ]  # fmt: skip
    assert {one.argument for one in found.watched} == {None, 0x9000}
    assert (found.names, found.missing) == (("accept_memory", "unaccepted_memory_lock"), {})


def test_what_was_asked_for_is_watched_once() -> None:
    table = [*LOCKS, *ACCEPTING]
    asked = probes.resolve(["accept_memory"], table, "k")
    asked += probes.resolve_locks(["unaccepted_memory_lock"], table, "k")
    assert probes.defaults(asked, table, "k", "") == probes.Defaults()
    assert probes.defaults(asked[:1], table, "k", "").names == ("unaccepted_memory_lock",)


@pytest.mark.parametrize(
    ("table", "no_symbols", "missing"),
    [
        (
            [*LOCKS, ACCEPTING[0]],
            "",
            {"unaccepted_memory_lock": "k has no lock of that name"},
        ),
        (
            [*LOCKS, ACCEPTING[1]],
            "",
            {"accept_memory": "k has no function of that name (possibly inlined)"},
        ),
        ([], "no kallsyms", dict.fromkeys(("accept_memory", "unaccepted_memory_lock"), "no kallsyms")),
    ],
)  # fmt: skip
def test_a_kernel_that_lacks_one_goes_without_and_says_why(
    table: list[tuple[int, str]], no_symbols: str, missing: dict[str, str]
) -> None:
    found = probes.defaults([], table, "k", no_symbols)
    assert found.missing == missing
    assert set(found.names) == {"accept_memory", "unaccepted_memory_lock"} - set(missing)


def test_a_kernel_with_preempt_rt_takes_the_lock_by_functions_of_its_own() -> None:
    rt = [(0xA000, "rt_spin_lock"), (0xA010, "rt_spin_unlock")]
    found = probes.defaults([], [*LOCKS, *ACCEPTING, *rt], "k", "")
    assert {(one.name, one.argument) for one in found.watched} >= {
        ("rt_spin_lock", 0x9000), ("rt_spin_unlock", 0x9000)
    }  # fmt: skip


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(BadInputError, match=r"--probe no_such: debian:6\.12 has no function"):
        probes.resolve(["no_such"], TABLE, "debian:6.12")


def test_the_console_s_last_whole_line_without_escapes(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert last_line(log) == ""
    log.write_bytes(b"first\n\x1b[2Jsecond\x07 line\r\n\r\nthird, not yet wh")
    assert last_line(log) == "second line"
