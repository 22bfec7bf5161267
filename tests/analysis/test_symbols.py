# SPDX-License-Identifier: GPL-2.0-only
"""Symbols from kernels of all layouts and packings, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel import kernel_cache, nm_lines
from acceptlab.analysis.kernel import symbols as symbols_module
from acceptlab.analysis.kernel.kallsyms import find_kallsyms
from acceptlab.analysis.kernel.symbols import RunSymbols, Symbols, load_symbols
from acceptlab.analysis.trace.schema import Stage
from tests.analysis.kernel_images import (
    BASE,
    LAYOUTS,
    PACKERS,
    TEXT,
    bzimage,
    image,
    image_with_places,
    symbols,
)
from tests.examples import examples

TABLE = symbols(1000)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [600, 767, 768, 1000])
def test_every_symbol_of_every_layout(layout: str, count: int) -> None:
    table = symbols(count)
    assert sorted(find_kallsyms(image(table, layout))) == sorted(table)


def test_a_kernel_whose_offsets_are_all_relative() -> None:
    table = symbols(700)[1:]
    assert find_kallsyms(image(table, "6.12", absolute_percpu=False)) == table


@pytest.mark.parametrize("shift", [0, 4])
@pytest.mark.parametrize("count", [600, 767, 768, 1000])
def test_every_symbol_of_a_table_whose_offsets_count_from_their_places(
    count: int, shift: int
) -> None:
    table = [TEXT, *symbols(count)[1:]]
    assert find_kallsyms(image_with_places(table, shift)) == table


@pytest.mark.parametrize(
    "start", [[], [(BASE + 0x1000, "T", "_text")], [(BASE - (32 << 20), "T", "_stext")]]
)
def test_places_are_believed_only_where_the_text_starts_as_a_kernel_s_does(
    start: list[tuple[int, str, str]],
) -> None:
    table = sorted([*start, *symbols(700)[1:]])
    with pytest.raises(BadInput, match="no readable symbol table"):
        find_kallsyms(image_with_places(table))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_base_is_believed_only_where_the_text_starts_as_a_kernel_s_does(layout: str) -> None:
    table = symbols(700)
    assert sorted(find_kallsyms(image([*table[:1], TEXT, *table[1:]], layout)))
    wrong = [*table[:1], table[1], (BASE + 0x20, "T", "_text"), *table[2:]]
    with pytest.raises(BadInput, match="no readable symbol table"):
        find_kallsyms(image(wrong, layout))


@pytest.mark.parametrize("packer", PACKERS)
def test_bzimages_of_every_packing(packer: str, tmp_path: Path) -> None:
    kernel = tmp_path / "bzImage"
    kernel.write_bytes(bzimage(image(TABLE, "6.12"), packer))
    found = load_symbols(kernel)
    assert len(found) == len(TABLE)
    assert found.address("fn0005_" + "accept_" * 5) == BASE + 5 * 0x40


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kernel") / "bzImage"
    path.write_bytes(bzimage(image(TABLE, "6.12"), "zstd"))
    return path


def test_names_of_addresses(kernel: Path) -> None:
    found = load_symbols(kernel)
    assert found.name_of(BASE + 0x40) == "fn0001_accept_"
    assert found.name_of(BASE + 0x40 + 9) == "fn0001_accept_+0x9"
    assert found.name_of(BASE + 0x1E000049, 0x1E000000) == "fn0001_accept_+0x9"
    assert found.name_of(BASE - 1) is None
    assert found.name_of(BASE + (64 << 20)) is None


def test_each_kernel_of_a_run_has_names_of_its_own() -> None:
    first, second = Symbols([(BASE, "T", "one")]), Symbols([(BASE, "T", "two")])
    both = RunSymbols(first, 0x1000000, second, 0x2000000)
    assert both.name_of(BASE + 0x1000002, Stage.USERSPACE) == "one+0x2"
    assert both.name_of(BASE + 0x2000003, Stage.SECOND_KERNEL) == "two+0x3"
    again = RunSymbols(first, 0, first, 0x2000000)
    assert again.name_of(BASE + 0x2000000, Stage.SECOND_KERNEL) == "one"
    unknown = RunSymbols(first, 0)
    assert unknown.name_of(BASE, Stage.KERNEL) == "one" and unknown.is_whole
    assert unknown.name_of(BASE, Stage.SECOND_KERNEL) is None
    assert not RunSymbols(first, 0, Symbols([])).is_whole


def test_data_has_addresses_but_gives_no_names_to_code(kernel: Path) -> None:
    found = load_symbols(kernel)
    assert found.address("fn0002_accept_accept_") == BASE + 0x80  # type d
    assert found.name_of(BASE + 0x85) == "fn0001_accept_+0x45"
    with pytest.raises(KeyError):
        found.address("no_such_function")


def test_items_are_in_order(kernel: Path) -> None:
    items = load_symbols(kernel).items()
    assert items == sorted(items) and len(items) == len(TABLE)


def test_the_table_of_a_kernel_is_read_once_in_a_process(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(
        symbols_module, "from_table", lambda text: (read.append(1), nm_lines.from_table(text))[1]
    )
    first = load_symbols(kernel, cache=tmp_path)
    again = [load_symbols(kernel, cache=tmp_path) for _ in range(3)]
    assert [one.table() for one in again] == [first.table()] * 3
    assert len(read) == 1


def test_the_cache_is_used_and_a_broken_one_is_made_anew(kernel: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = load_symbols(kernel, cache=cache)
    (kept,) = cache.iterdir()
    text = kept.read_text()
    _, table = text.split("\n", 1)
    renamed = table.replace("fn0001_accept_\n", "renamed\n")
    kernel_cache.write(kept, "symbols 3", renamed)
    assert load_symbols(kernel, cache=cache).address("renamed") == BASE + 0x40
    older = "acceptlab symbols 2\n" + renamed
    changed = text.replace("fn0001_accept_\n", "renamed\n")
    for broken in (text[: len(text) // 2], "", "something else\n", older, changed):
        kept.write_text(broken)
        assert load_symbols(kernel, cache=cache).items() == first.items()
        assert kept.read_text() == text


def test_a_table_is_read_as_its_lines_are() -> None:
    lines = [f"{address:016x} {kind} {name}" for address, kind, name in TABLE]
    text = "".join(f"{line}\n" for line in lines)
    assert nm_lines.from_table(text) == nm_lines.from_lines(lines) == TABLE
    with_module = text.replace(lines[3], lines[3] + " [module]")
    assert nm_lines.from_table(with_module) == TABLE
    for damaged in (text[17:], "", text.replace(lines[3], "x t name"), text.replace(" d ", " ")):
        with pytest.raises(BadInput):
            nm_lines.from_table(damaged)


def test_a_system_map(tmp_path: Path) -> None:
    path = tmp_path / "System.map"
    path.write_text("".join(f"{address:016x} {kind} {name}\n" for address, kind, name in TABLE))
    assert load_symbols(path).address("fn0000_") == BASE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello\n",
        b"ffffffffffffffff B The real System.map is elsewhere\n",
        b"\x7fELF and nothing behind it",
        b"\x00" * 4096,
        b"\xff\xfe binary",
        bzimage(b"no kernel at all" * 100, "zstd"),
        bzimage(image(TABLE, "6.12"), "zstd")[:3000],
        bzimage(image(TABLE, "6.12"), "xz")[:-5000],
    ],
)
def test_what_is_no_kernel_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        load_symbols(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


IMAGE = image(symbols(600), "6.12")


@examples(40)
@given(st.integers(16384, len(IMAGE) - 1), st.integers(1, 255), st.integers(0, 400))
def test_damage_in_the_tables_never_crashes(at: int, flip: int, cut: int) -> None:
    data = bytearray(IMAGE)
    data[at] ^= flip
    with contextlib.suppress(BadInput):
        find_kallsyms(bytes(data[: len(data) - cut]))
