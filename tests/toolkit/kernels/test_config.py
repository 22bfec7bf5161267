# SPDX-License-Identifier: GPL-2.0-only
"""Configuration fragments, and the reasons that Kconfig files give."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import kconfig
from acceptlab.toolkit.kernels.kernel_config import (
    Configuration,
    fragment_text,
    not_stuck,
    options_of,
    read_fragment,
)
from acceptlab.toolkit.places import CHECKOUT

TOYTREE = CHECKOUT / "tests" / "toolkit" / "series" / "toytree"


def fragment(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_all_ways_to_write_an_option(tmp_path: Path) -> None:
    path = fragment(
        tmp_path,
        "a",
        '# words\n\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="a b"\nCONFIG_D=n\nCONFIG_E=0x10\n',
    )
    assert read_fragment(path) == {"A": "y", "B": "n", "C": '"a b"', "D": "n", "E": "0x10"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CONFIG_A\n", ":1: 'CONFIG_A' is not an option"),
        ("\nCONFIG_A = y\n", ":2: "),
        ("A=y\n", "is not an option"),
        ("CONFIG_A=yes\n", "is not an option"),
        ("CONFIG_A=y\nCONFIG_A=n\n", ":2: CONFIG_A is set twice"),
    ],
)
def test_a_line_that_is_wrong_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInputError) as raised:
        read_fragment(fragment(tmp_path, "a", text))
    assert says in str(raised.value)


def test_fragments_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    a, b = fragment(tmp_path, "a", "CONFIG_A=y\n"), fragment(tmp_path, "b", "CONFIG_A=m\n")
    with pytest.raises(BadInputError) as raised:
        Configuration("tinyconfig", (a, b)).wanted()
    assert f"CONFIG_A is y in {a} and m in {b}" in str(raised.value)


OPTIONS = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True),
    st.one_of(st.sampled_from("ymn"), st.integers().map(str), st.just('"text"')),
)


@given(OPTIONS)
def test_what_is_written_is_read_again(wanted: dict[str, str]) -> None:
    text = fragment_text(wanted)
    on = {name: value for name, value in wanted.items() if value != "n"}
    assert options_of(text) == on
    assert not_stuck(wanted, options_of(text)) == []


@given(OPTIONS, OPTIONS)
def test_every_option_that_differs_is_named(wanted: dict[str, str], config: dict[str, str]) -> None:
    lost = not_stuck(wanted, config)
    assert lost == [name for name in wanted if wanted[name] != config.get(name, "n")]


@pytest.mark.parametrize(
    ("option", "wanted", "config", "says"),
    [
        ("NOTHING", "y", {}, "this tree has no such option"),
        ("NONSENSE", "y", {}, "this tree has no such option"),
        ("UNACCEPTED", "y", {"X86": "y"}, "it depends on EFI && !FLATMEM (EFI is off)"),
        ("UNACCEPTED", "y", {"EFI": "y"}, "it depends on X86, which is off"),
        ("UNACCEPTED", "y", {"X86": "y", "EFI": "y", "FLATMEM": "y"}, "it depends on EFI && !FLATMEM (FLATMEM is y)"),
        ("EFI_STUB", "y", {}, "it depends on EFI, which is off"),
        ("EFI_HELPER", "y", {}, "it cannot be set, only selected by another option"),
        ("EFI_HELPER", "n", {"EFI_HELPER": "y"}, "another option selects it"),
        ("NR_CPUS", "9", {"NR_CPUS": "8"}, ""),
    ],
)  # fmt: skip
def test_the_reason(option: str, wanted: str, config: dict[str, str], says: str) -> None:
    assert kconfig.reason(option, wanted, TOYTREE, {"SRCARCH": "x86"}, config) == says


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("A", 2), ("B", 0), ("M", 1), ("!B", 2), ("!A", 0), ("A && M", 1), ("B || M", 1),
        ("64BIT", 2), ("!64BIT", 0), ("(A || B) && !B", 2), ("M=m", 2), ("A!=n", 2), ('TEXT="a"', 2), ("B && A || A", 2),
        ("$(success,x)", 2), ("GCC_VERSION >= 1", 2), ("A &&", 2), ("", 2),
    ],
)  # fmt: skip
def test_expressions(expression: str, value: int) -> None:
    config = {"A": "y", "M": "m", "TEXT": '"a"', "64BIT": "y"}
    assert kconfig.value_of(expression, config) == value


@given(st.text(alphabet='AB &|!()="mny$', max_size=20))
def test_any_expression_has_a_value(expression: str) -> None:
    assert kconfig.value_of(expression, {"A": "y"}) in (0, 1, 2)


@given(st.text(alphabet='config endmu\n\t"ABif sourcehlp', max_size=80))
def test_any_kconfig_file_is_read(text: str) -> None:
    list(kconfig._lines(text))
