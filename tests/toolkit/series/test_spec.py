# SPDX-License-Identifier: GPL-2.0-only
"""series.toml: what it stands for, and one clear line for each way to get it wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.skip_list import is_skipped
from acceptlab.toolkit.series.bundled import own_series, reference
from acceptlab.toolkit.series.series_spec import (
    Boot,
    DebianBase,
    Functions,
    GitBase,
    Spec,
    TarballBase,
    read_spec,
    spec_of,
)
from tests.examples import examples

GOOD = """
name = "lazy-accept"
title = "Accept memory lazily"
[base]
debian = "linux-source-6.1"
version = "6.1.176-1"
[config]
fragments = ["../config/guest.config", "more.config"]
[compare]
kernels = ["debian:6.12"]
"""


def read(tmp_path: Path, text: str) -> Spec:
    path = tmp_path / "series.toml"
    path.write_text(text)
    return read_spec(path)


def test_a_good_spec(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD)
    assert spec.base == DebianBase("linux-source-6.1", "6.1.176-1")
    assert spec.config is not None
    assert spec.config.target == "tinyconfig"
    assert spec.config.fragments == (
        tmp_path.parent / "config" / "guest.config",
        tmp_path / "more.config",
    )
    assert spec.compare == ("debian:6.12",)


@pytest.mark.parametrize("config", ["[config]\n", "", "[config]\nfragments = []\n"])
def test_an_empty_configuration_is_the_base_s_to_say(tmp_path: Path, config: str) -> None:
    old = GOOD[GOOD.index("[config]") : GOOD.index("[compare]")]
    assert read(tmp_path, GOOD.replace(old, config)).config is None
    named = read(tmp_path, GOOD.replace(old, '[config]\ntarget = "tinyconfig"\n')).config
    assert named is not None and named.target == "tinyconfig"


def test_a_boot_of_the_checks_own(tmp_path: Path) -> None:
    boot = (
        '[[check.boots]]\nname = "kexec"\nplatform = "snp"\nworkload = ["kexec"]\ntime-limit = 60\n'
    )
    more = '[[check.boots]]\nname = "four"\ncpus = 4\n'
    assert read(tmp_path, GOOD + boot + more).rules.boots == (
        Boot("kexec", ("snp",), {"workloads": ("kexec",), "time_limit": 60.0}),
        Boot("four", (), {"cpus": 4}),
    )


DEBIAN = 'debian = "linux-source-6.1"\nversion = "6.1.176-1"\n'


@pytest.mark.parametrize(
    ("base", "stands_for"),
    [
        ('git = "linux"\ncommit = "v6.12"\n', lambda here: GitBase(here / "linux", "v6.12")),
        ('git = "/src/linux"\ncommit = "v6.12"\n', lambda here: GitBase(Path("/src/linux"), "v6.12")),
        ('tarball = "linux.tar.xz"\n', lambda here: TarballBase(here / "linux.tar.xz", "")),
        (f'tarball = "x.tar"\nsha256 = "{"A" * 64}"\n', lambda here: TarballBase(here / "x.tar", "a" * 64)),
    ],
)  # fmt: skip
def test_other_bases(tmp_path: Path, base: str, stands_for: object) -> None:
    assert callable(stands_for)
    assert read(tmp_path, GOOD.replace(DEBIAN, base)).base == stands_for(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "lazy-accept"', 'name = "Lazy Accept"', "name 'Lazy Accept'"),
        ('name = "lazy-accept"\n', "", "name is missing"),
        ('title = "Accept memory lazily"', "title = 3", "title must be a string, got 3"),
        ("title =", "titel =", "'titel'"),
        ("[base]", "[bass]", "'bass'"),
        (DEBIAN, "", "exactly one of debian, git, tarball"),
        (DEBIAN, DEBIAN + 'git = "x"\n', "exactly one of debian, git, tarball"),
        ('version = "6.1.176-1"\n', "", "version is missing"),
        ('version = "6.1.176-1"', 'version = "newest"', "'newest' is not a Debian package version"),
        (DEBIAN, 'git = "x"\n', "commit is missing"),
        (DEBIAN, 'git = "x"\ncommit = "--exec"\n', "not a commit"),
        (DEBIAN, 'tarball = "x"\nsha256 = "12"\n', "64 hexadecimal digits"),
        ("fragments =", "fragment =", "'fragment'"),
        ('["debian:6.12"]', '"debian:6.12"', "must be a list of strings"),
        ("[config]", '[config]\ntarget = "allyesconfig"', "allyesconfig"),
        ("[config]", "[config", "is not a valid TOML file"),
        (
            "[compare]",
            '[functions]\nskips = ["a"]\n[compare]',
            "[functions]: unknown key 'skips'",
        ),
        (
            "[compare]",
            '[functions]\nskip = "accept_units"\n[compare]',
            "skip must be a list of strings",
        ),
        ("[compare]", "[functions]\nskip = [3]\n[compare]", "skip must be a list of strings"),
        (
            "[compare]",
            '[functions]\nskip = ["accept_.*"]\n[compare]',
            "skip: 'accept_.*' is no name of a function",
        ),
        (
            "[compare]",
            '[functions]\nwaits = ["a b"]\n[compare]',
            "waits: 'a b' is no name of a function",
        ),
        ("[compare]", '[check]\nboots = "kexec"\n' + "[compare]", "write [[check.boots]]"),
        (
            "[compare]",
            "[[check.boots]]\ncpus = 2\n" + "[compare]",
            "[[check.boots]]: name is missing",
        ),
        (
            "[compare]",
            '[[check.boots]]\nname = "a"\nplatform = "sev"\n' + "[compare]",
            "[[check.boots]] 'a': platform must be one of snp, tdx",
        ),
        (
            "[compare]",
            '[[check.boots]]\nname = "a"\nkernel = "debian:7.3"\n' + "[compare]",
            "[[check.boots]] 'a': the kernels are those of the series",
        ),
        (
            "[compare]",
            '[[check.boots]]\nname = "a"\nworkloads = ["kexec"]\n' + "[compare]",
            "[[check.boots]] 'a': workloads is not an option of a run",
        ),
        (
            "[compare]",
            '[[check.boots]]\nname = "a"\nworkload = ["dance"]\n' + "[compare]",
            "[[check.boots]] 'a': ",
        ),
        (
            "[compare]",
            '[[check.boots]]\nname = "a"\n[[check.boots]]\nname = "a"\n' + "[compare]",
            "two boots have the same name",
        ),
        ("[compare]", 'functions = "accept_units"\n[compare]', "'functions'"),
        (
            'title = "Accept memory lazily"',
            'title = "T"\nfunctions = ["accept_units"]',
            "functions: write [functions]",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInputError) as raised:
        read(tmp_path, GOOD.replace(old, new))
    assert says in str(raised.value)
    assert str(tmp_path / "series.toml") in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


SCALARS = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.floats())
KEYS = ["name", "title", "base", "config", "compare", "debian", "version", "git", "commit",
        "tarball", "sha256", "target", "fragments", "kernels", "functions", "skip", "waits", "x"]  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)


@examples(40)
@given(st.dictionaries(st.sampled_from(KEYS), TREES))
def test_whatever_a_spec_holds_it_is_read_or_refused_in_one_line(data: dict[str, object]) -> None:
    try:
        spec_of({"name": "x", "title": "x", **data}, Path("/here"))
    except BadInputError as error:
        assert len(str(error).splitlines()) == 1


def test_functions_of_the_series_own(tmp_path: Path) -> None:
    text = GOOD + '[functions]\nskip = ["accept_units", "_x9"]\nwaits = ["accept_touched"]\n'
    functions = read(tmp_path, text).functions
    assert functions == Functions(("accept_units", "_x9"), ("accept_touched",))
    assert functions.to_json() == {"skip": ["accept_units", "_x9"], "waits": ["accept_touched"]}
    assert read(tmp_path, GOOD).functions.to_json() == {}


def test_our_series_name_functions_that_they_add_and_that_linux_has_not() -> None:
    assert any(series.spec.functions.skip for series in own_series())
    for series in own_series():
        text = "".join(path.read_text() for path in Path(series.origin).glob("*.patch"))
        for name in (*series.spec.functions.skip, *series.spec.functions.waits):
            assert re.search(rf"^\+.*\b{name}\(", text, re.MULTILINE), name
            assert not is_skipped(name)


def test_the_series_of_this_repository_are_good() -> None:
    for series in own_series():
        assert series.patches
        # None: configured by what the base's tree has.
        assert series.spec.config is None or series.spec.config.wanted()


def test_demos_show_the_reference_series_or_the_first(tmp_path: Path) -> None:
    assert reference(tmp_path) == ""
    for name in ("b-series", "a-series", "lazy-accept"):
        folder = tmp_path / "linux" / name
        folder.mkdir(parents=True)
        assert (
            reference(tmp_path)
            == {"b-series": "", "a-series": "b-series", "lazy-accept": "a-series"}[name]
        )
        (folder / "series.toml").write_text(GOOD.replace("lazy-accept", name))
    assert reference(tmp_path) == "lazy-accept"
