# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's command line for hardware, against the options that QEMU documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.hardware.qemu_command import Launch, launch_command
from acceptlab.toolkit.hardware.signs import Machine
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.platforms import HARDWARE
from acceptlab.toolkit.run.options import RunOptions

DOCUMENTED: dict[str, Any] = json.loads(
    (CHECKOUT / "toolkit/hardware/qemu_options.json").read_text()
)
HERE = Machine("", "", "AuthenticAMD", ("snp",), {}, 47, 5)
VALUES = {
    "bool": r"on|off",
    "uint32": r"\d+",
    "uint64": r"\d+|0x[0-9a-f]+",
    "size": r"\d+",
    "str": r"[\w.-]+",
    "OnOffAuto": r"on|off|auto",
    "on, off or split": r"on|off|split",
}


def command(
    platform: str = "snp", firmware: str = "OVMF.amdsev.fd", machine: Machine = HERE, **options: Any
) -> list[str]:
    asked = RunOptions("k", platform=platform, hardware=True, **options)
    ovmf = Path("/usr/share/ovmf") / firmware
    launch = Launch(Path("/k"), Path("/i"), ovmf, "quiet a=b", Path("/a,b/con.log"))
    return launch_command(asked, launch, machine)


def after(words: list[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def properties(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(",")[1:])


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_every_property_is_documented_and_of_its_type(platform: str) -> None:
    for text in after(command(platform), "-object"):
        about = DOCUMENTED["objects"][text.split(",")[0]]
        given = properties(text)
        assert given.pop("id")
        for name, value in given.items():
            assert re.fullmatch(VALUES[about["properties"][name]], value), (name, value)
        assert set(about["required"]) <= set(given)


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_the_machine_s_properties_are_documented(platform: str) -> None:
    (text,) = after(command(platform), "-machine")
    about = DOCUMENTED["machine"][text.split(",")[0]]
    for name, value in properties(text).items():
        assert re.fullmatch(VALUES[about[name]], value), (name, value)


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_what_is_referred_to_is_there(platform: str) -> None:
    words = command(platform)
    ids = {properties(text)["id"]: text.split(",")[0] for text in after(words, "-object")}
    machine = properties(after(words, "-machine")[0])
    assert ids[machine["confidential-guest-support"]] == HARDWARE[platform].qemu_object
    assert ids[machine["memory-backend"]] == "memory-backend-memfd"
    assert after(words, "-serial") == ["chardev:con"]


def test_the_rules_of_tdx_are_kept() -> None:
    machine = properties(after(command("tdx"), "-machine")[0])
    assert machine["kernel-irqchip"] == "split"
    assert machine["smm"] == "off"
    assert after(command("tdx"), "-bios") and "pflash" not in " ".join(command("tdx"))


def test_an_encrypted_guest_does_not_reboot() -> None:
    assert "-no-reboot" in command("snp") and "-no-reboot" in command("tdx")


def test_the_c_bit_is_this_processor_s_or_the_usual_one() -> None:
    unknown = Machine("", "", "", (), {})
    for machine, wanted in ((HERE, ("47", "5")), (unknown, ("51", "1"))):
        guest = properties(after(command(machine=machine), "-object")[1])
        assert (guest["cbitpos"], guest["reduced-phys-bits"]) == wanted


def test_kernel_hashes_go_with_the_firmware_that_has_a_page_for_them() -> None:
    for firmware, wanted in (("OVMF.amdsev.fd", "on"), ("OVMF.fd", "off")):
        guest = properties(after(command(firmware=firmware), "-object")[1])
        assert guest["kernel-hashes"] == wanted


def test_the_memory_is_the_guest_s_in_both_places() -> None:
    words = command(memory="3G", cpus=200)
    assert after(words, "-m") == ["3221225472B"]
    assert properties(after(words, "-object")[0])["size"] == "3221225472"
    assert after(words, "-smp") == ["200"]


def test_a_comma_in_a_path_is_no_separator() -> None:
    (chardev,) = after(command(), "-chardev")
    assert "path=/a,,b/con.log" in chardev


def test_releases_are_those_that_are_documented() -> None:
    for one in HARDWARE.values():
        assert ".".join(map(str, one.qemu_since)) == DOCUMENTED["objects"][one.qemu_object]["since"]


@pytest.mark.parametrize(
    "options",
    [
        {"host_backing": "4K"},
        {"holes": ("1G-1028M",)},
        {"attacks": ("kernel busy 3",)},
        {"threads": "multi"},
        {"seed": 5},
        {"probe_locks": ("unaccepted_memory_lock",)},
    ],
)
def test_what_only_the_emulator_can_do_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="emulator only"):
        RunOptions("k", hardware=True, **options)
