# SPDX-License-Identifier: GPL-2.0-only
"""Apt sources derived from the machine's own, in both of apt's formats."""

from __future__ import annotations

import itertools
import operator
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acceptlab.toolkit.apt.client import last_error
from acceptlab.toolkit.apt.debian_versions import key, newest_first
from acceptlab.toolkit.apt.sources import Derived, codename, derive, derive_suites, is_own_suite
from tests.examples import examples

KEYED = """\
# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF==
"""


def machine(folder: Path, **files: str) -> Derived:
    """Write the files (`main` is sources.list, `x_list` x.list) and derive from them."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        path = "sources.list" if name == "main" else f"sources.list.d/{name.replace('_', '.')}"
        (folder / path).write_text(text)
    return derive(folder, "bookworm")


def test_a_line_becomes_one_for_binaries_and_one_for_sources(tmp_path: Path) -> None:
    line = "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm main contrib # mine\n"
    rest = "[arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm main\n"
    assert machine(tmp_path, main=line).one_line == f"deb {rest}deb-src {rest}"


@pytest.mark.parametrize(
    "line",
    [
        "# deb http://mirror.example/debian bookworm main",
        "deb cdrom:[Debian 12]/ bookworm main",
        "deb http://other.example/apt cloud-sdk-bookworm main",
        "deb http://other.example/linux/debian bookworm stable",
        "deb http://mirror.example/debian trixie main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb",
        "",
    ],
)
def test_lines_of_no_use_are_left_out(tmp_path: Path, line: str) -> None:
    assert not machine(tmp_path, some_list=line + "\n")


def test_a_stanza_keeps_its_key_and_gets_both_types(tmp_path: Path) -> None:
    derived = machine(tmp_path, debian_sources=KEYED).deb822
    assert "Types: deb deb-src\n" in derived
    assert "Suites: bookworm bookworm-updates\n" in derived
    assert "Components: main\n" in derived
    assert " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF==\n" in derived


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Types: deb", "Types: deb-src"),
        ("Suites: bookworm bookworm-updates", "Suites: nodistro"),
        ("Components: main contrib", "Components: contrib"),
        ("Types: deb", "Enabled: no\nTypes: deb"),
    ],
)
def test_stanzas_of_no_use_are_left_out(tmp_path: Path, old: str, new: str) -> None:
    assert not machine(tmp_path, debian_sources=KEYED.replace(old, new))


def test_only_the_own_suites_of_a_stanza_are_kept(tmp_path: Path) -> None:
    text = KEYED.replace("bookworm-updates", "bookworm-backports sid")
    assert "Suites: bookworm\n" in machine(tmp_path, debian_sources=text).deb822


def test_two_stanzas_of_one_file(tmp_path: Path) -> None:
    derived = machine(tmp_path, debian_sources=f"{KEYED}\n \n{KEYED.replace('debian', 'security')}")
    assert derived.deb822.count("Types: deb deb-src") == 2
    assert "\n\nTypes:" in derived.deb822


@pytest.mark.parametrize("suite", ["bookworm", "bookworm-security", "bookworm/updates", "stable"])
def test_own_suites(suite: str) -> None:
    assert is_own_suite(suite, "bookworm")


@given(st.text(alphabet="deb-src: \n#[]=/ABURISuitesComponents mainbookworm\t", max_size=200))
def test_any_text_gives_sources_of_the_own_suites_only(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        derived = machine(Path(folder), x_list=text, x_sources=text)
    for line in derived.one_line.splitlines():
        assert line.startswith(("deb ", "deb-src "))
        assert line.endswith(" main")
    for stanza in filter(None, derived.deb822.split("\n\n")):
        assert "Types: deb deb-src" in stanza


def test_codename(tmp_path: Path) -> None:
    (tmp_path / "os").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')
    assert codename(tmp_path / "os") == "bookworm"
    assert codename(tmp_path / "absent") == ""


def test_debian_s_own_order_of_versions() -> None:
    assert newest_first(
        {"1:7.2+dfsg-7+deb12u9", "1:7.2+dfsg-7+deb12u18", "1:7.2~rc1", "1:7.2"}
    ) == [
        "1:7.2+dfsg-7+deb12u18",
        "1:7.2+dfsg-7+deb12u9",
        "1:7.2",
        "1:7.2~rc1",
    ]


VERSIONS = st.from_regex(r"\A([0-9]:)?[0-9][0-9a-c.+~]{0,5}(-[0-9a-c.+~]{1,4})?\Z")


@examples(2)
@given(st.lists(st.tuples(VERSIONS, VERSIONS), min_size=30, max_size=30))
@example(
    list(itertools.product(["0", "0~", "00", "1", "1~", "1~~", "1.", "1.0", "1a", "1a0"], repeat=2))
)
def test_the_order_is_dpkg_s(pairs: list[tuple[str, str]]) -> None:
    """One shell compares them all."""
    ways = [(one, relation, other) for one, other in pairs for relation in ("gt", "eq")]
    script = "".join(f"dpkg --compare-versions {' '.join(way)}; echo $?\n" for way in ways)
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    ours = {"gt": operator.gt, "eq": operator.eq}
    assert dict(zip(ways, done.stdout.split(), strict=True)) == {
        way: str(int(not ours[way[1]](key(way[0]), key(way[2])))) for way in ways
    }


def test_other_suites_come_from_the_own_mirrors(tmp_path: Path) -> None:
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "a.sources").write_text(KEYED)
    wanted = ("trixie", "sid", "trixie-security")
    text = derive_suites(tmp_path, "bookworm", wanted, keyring=keyring).deb822
    assert text == (
        "Types: deb\nUris: http://mirror.example/debian\nSuites: trixie sid\nComponents: main\n"
        f"Signed-By: {keyring}\n"
    )
    (tmp_path / "sources.list").write_text(
        "deb [arch=amd64] https://s.example/debian-security bookworm-security main\n"
    )
    text = derive_suites(tmp_path, "bookworm", wanted, ("deb-src",), tmp_path / "absent").deb822
    assert (
        "Types: deb-src\nUris: https://s.example/debian-security\nSuites: trixie-security\n" in text
    )
    assert "Uris: http://mirror.example/debian\nSuites: trixie sid\n" in text
    assert "Signed-By" not in text  # apt's own keys, then


def test_a_machine_without_sources_has_no_other_suites(tmp_path: Path) -> None:
    assert not derive_suites(tmp_path, "bookworm", ("sid",))


def test_the_last_error_is_what_apt_says_with_e() -> None:
    assert last_error("E: first\nE: second\nW: but\n") == "second"
    assert last_error("") == "no output"
