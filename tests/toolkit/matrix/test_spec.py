# SPDX-License-Identifier: GPL-2.0-only
"""A spec: what its cells are, and one clear line for each way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.matrix.sweep_spec import MOST_CELLS, Spec, read_spec
from acceptlab.toolkit.places import CHECKOUT
from tests.examples import examples

GOOD = """
title = "A spec"
columns = ["verdict", "accepts"]
[options]
kernel = "debian:6.12"
memory = "2G"
append = "quiet"
[axes]
platform = ["snp", "tdx"]
policy = [{ name = "lazy", accept = "lazy" }, { name = "storm", accept = "eager", append = "debug" }]
cpus = [1, 4]
[[exclude]]
platform = "tdx"
cpus = 4
[[include]]
cpus = 16
platform = "tdx"
"""


def spec_of(tmp_path: Path, text: str) -> Spec:
    path = tmp_path / "some.toml"
    path.write_text(text)
    return read_spec(path)


def test_a_cell_has_the_options_of_all_its_values(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, GOOD)
    (sweep,) = spec.sweeps
    cells = {tuple(cell.labels.values()): cell.options for cell in sweep.cells}
    assert list(cells) == [
        ("snp", "lazy", "1"), ("snp", "lazy", "4"), ("snp", "storm", "1"), ("snp", "storm", "4"),
        ("tdx", "lazy", "1"), ("tdx", "storm", "1"), ("tdx", "lazy", "16"),
    ]  # fmt: skip
    storm = cells["snp", "storm", "4"]
    assert (storm.platform, storm.accept, storm.cpus, storm.memory) == ("snp", "eager", 4, "2G")
    assert storm.append == "quiet debug"
    assert cells["tdx", "lazy", "16"].append == "quiet"


def test_the_names_of_a_spec(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, GOOD)
    assert (spec.name, spec.title) == ("some", "A spec")
    assert spec.sweeps[0].columns == ("verdict", "accepts")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title =", "titel =", "titel"),
        ('["snp", "tdx"]', '["snp", "sev"]', "'sev': must be one of snp, tdx"),
        ('["snp", "tdx"]', '"snp"', "axis platform: must be a list"),
        ('["snp", "tdx"]', '["snp", "snp"]', "two values of the same name"),
        ("[1, 4]", '["1", "4"]', "must be an integer"),
        ("[1, 4]", "[true]", "must be an integer"),
        ("[1, 4]", "[1, 4, 4000]", "--cpus 4000"),
        ('memory = "2G"', 'memory = "2 apples"', "'2 apples' is not a size"),
        ('memory = "2G"', 'memroy = "2G"', "memroy is not an option"),
        ('kernel = "debian:6.12"\n', "", "give a kernel"),
        ('"accepts"]', '"speed"]', "no fact 'speed'"),
        ('{ name = "lazy", accept = "lazy" }', '"lazy"', "axis policy is not an option"),
        ('{ name = "lazy", ', "{ ", "needs a name"),
        ('platform = "tdx"\ncpus = 4', 'cpus = 8', "has no value 8"),
        ('platform = "tdx"\ncpus = 4', 'colour = "red"', "colour"),
        ("[axes]", "[axis]", "either [axes], or [[sweep]]"),
        ("[axes]", "[axes", "is not a valid TOML file"),
        ("[1, 4]", f"[1, 4]\nseed = {list(range(MOST_CELLS))}", f"more than {MOST_CELLS} cells"),
    ],
)  # fmt: skip
def test_a_bad_spec_is_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInputError) as raised:
        spec_of(tmp_path, GOOD.replace(old, new))
    assert says in str(raised.value)
    assert str(tmp_path / "some.toml") in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such spec"):
        read_spec(tmp_path / "none.toml")


SCALARS = st.one_of(
    st.text(max_size=6), st.integers(-2, 99), st.booleans(), st.floats(), st.none(), st.binary()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "axes", "sweep", "options", "kernel", "memory", "exclude",
                             "include", "columns", "platform", "cpus", "x"]),
            inner, max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@examples(40)
@given(st.dictionaries(st.sampled_from(["name", "title", "options", "axes", "sweep", "exclude",
                                        "include", "columns"]), TREES))  # fmt: skip
def test_whatever_a_spec_holds_it_is_read_or_refused(data: dict[str, object]) -> None:
    from acceptlab.toolkit.matrix.sweep_spec import _spec

    try:
        spec = _spec(data, Path("x.toml"))
    except BadInputError:
        return
    assert all(sweep.cells for sweep in spec.sweeps)


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "data" / "sweeps").glob("*.toml")), ids=lambda p: p.name
)
def test_our_own_specs_are_good(path: Path) -> None:
    assert read_spec(path).sweeps
