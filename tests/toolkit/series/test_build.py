# SPDX-License-Identifier: GPL-2.0-only
"""Building a series on the toy tree: what is made anew, which warnings are new, and how a build ends badly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.kernels.resolve import resolve
from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes


def one(out: str) -> dict[str, object]:
    return dict(json.loads(out)[-1])


def test_a_series_becomes_a_kernel_with_a_name(acceptlab: Command, three: Path) -> None:
    code, out, err = acceptlab("series", "build", str(three), "--json")
    assert code == 0, err
    kernel = store.find("toy")
    assert kernel is not None
    folder = kernel.image.parent
    assert {path.name for path in folder.iterdir()} == {
        "bzImage", "config", "vmlinux", "System.map", "meta.json", "warnings.json",
    }  # fmt: skip
    assert "CONFIG_UNACCEPTED=y" in (folder / "config").read_text().splitlines()
    told = one(out)
    assert (told["series"], told["patches"], told["release"]) == ("toy", 3, "6.1.0-toy")
    assert "gcc" in str(told["toolchain"])


def test_the_line_that_reproduces_a_build_does(acceptlab: Command, three: Path) -> None:
    told = one(acceptlab("series", "build", str(three), "--json")[1])
    image = Path(str(told["path"]))
    objects = next(image.parents[2].glob("trees/*/objects-*"))
    subprocess.run(["rm", "-r", objects], check=True)
    objects.mkdir()
    subprocess.run(["/bin/sh", "-c", str(told["reproduce"])], check=True, capture_output=True)
    assert (objects / "arch/x86/boot/bzImage").read_bytes() == image.read_bytes()


def test_each_new_warning_is_its_patch_s(acceptlab: Command, three: Path) -> None:
    told = json.loads(acceptlab("series", "build", str(three), "--every", "--json")[1])
    assert [kernel["name"] for kernel in told] == ["toy@base", "toy@1", "toy@2", "toy"]
    assert [kernel["warnings"] for kernel in told] == [1, 1, 2, 2]
    fresh = [[w["text"] for w in kernel["warnings_new"] or []] for kernel in told]
    assert fresh == [[], [], ["unused variable ‘spare’"], []] or fresh == [
        [],
        [],
        ["unused variable 'spare'"],
        [],
    ]
    assert told[0]["warnings_new"] is None
    assert [kernel["compiled"] for kernel in told] == [3, 1, 1, 1]


def test_what_is_at_hand_is_not_built_again(acceptlab: Command, three: Path) -> None:
    acceptlab("series", "build", str(three))
    code, out, _ = acceptlab("series", "build", str(three))
    assert (code, "at hand" in out) == (0, True)


def test_the_kernel_has_the_functions_of_its_series(acceptlab: Command, three: Path) -> None:
    """Those of series.toml as it is: a changed list takes no new build."""
    toml = three / "series.toml"
    plain = toml.read_text()
    for skip in (["accept_units"], ["accept_units", "release_one"]):
        toml.write_text(f"{plain}[functions]\nskip = {json.dumps(skip)}\n")
        assert acceptlab("series", "build", str(three))[0] == 0
        assert resolve("toy").skipped == tuple(skip)
    out = acceptlab("run", "toy", "--memory", "256M")[1]
    recorded = json.loads((Path(out.splitlines()[-1]) / "run.json").read_text())["series"]
    assert recorded["skip"] == ["accept_units", "release_one"]
    toml.write_text(plain)
    assert "at hand" in acceptlab("series", "build", str(three))[1]
    assert resolve("toy").skipped == ()
    kernel = store.find("toy")
    assert kernel is not None and "skip" not in kernel.meta and kernel.meta["patches"] == 3


def test_a_changed_patch_is_built_again(acceptlab: Command, three: Path) -> None:
    acceptlab("series", "build", str(three))
    third = three / "0003-kernel-Fork-three-times.patch"
    third.write_text(third.read_text().replace("return 3;", "return 4;"))
    assert one(acceptlab("series", "build", str(three), "--json")[1])["compiled"] == 1


def test_an_option_that_does_not_stick_is_an_error_with_its_reason(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    (tmp_path / "toy.config").write_text(
        "CONFIG_UNACCEPTED=y\nCONFIG_FLATMEM=y\nCONFIG_EFI_HELPER=y\nCONFIG_X=y\n"
    )
    code, _, err = acceptlab("series", "build", str(three))
    assert code == 2
    assert "3 option(s) did not take effect" in err
    assert "CONFIG_UNACCEPTED=y became n: it depends on EFI && !FLATMEM" in " ".join(err.split())
    assert "CONFIG_X=y became n: this tree has no such option" in err
    assert store.find("toy") is None


def test_a_tree_that_does_not_build_is_told_with_its_log(
    acceptlab: Command, tree: Tree, spec: Path
) -> None:
    tree.change("kernel/fork.c", "return 1;", "return nonsense;", "kernel: Break it")
    tree.patches(spec.parent)
    code, out, err = acceptlab("series", "build", str(spec.parent))
    lines = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
    assert (code, out, len(lines)) == (2, "", 1)
    assert "kernel/fork.c:6: error: " in lines[0] and "nonsense" in lines[0]
    log = Path(lines[0].rsplit("full log: ", 1)[1].rstrip(")"))
    assert "nonsense" in log.read_text()
    assert store.find("toy") is None


def test_a_user_s_own_tree(acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path) -> None:
    words = [
        "kernel",
        "build",
        "--tree",
        str(tree.path),
        "--config",
        str(tmp_path / "toy.config"),
        "--name",
        "mine",
    ]
    code, out, err = acceptlab(*words)
    assert (code, out.splitlines()[-1]) == (0, "mine"), err
    (tree.path / "mm" / "page_alloc.c").write_text("int alloc_pages;\n")
    assert json.loads(acceptlab(*words, "--json")[1])["compiled"] == 1
    assert not (tree.path / "vmlinux").exists()
    code, out, _ = acceptlab("run", "mine", "--memory", "256M")
    assert (code, out.partition(":")[0]) == (0, "userspace")


def test_a_tree_is_configured_again_when_what_decides_has_changed(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path, own_cache: Path
) -> None:
    """Kconfig takes seconds: it is run for a changed Kconfig, fragment or .config, and not for a changed source."""
    fragment = tmp_path / "toy.config"
    words = ["kernel", "build", "--tree", str(tree.path), "--config", str(fragment)]

    def times() -> int:
        code, _, err = acceptlab(*words)
        assert code == 0, err
        (log,) = own_cache.rglob("configured.log")
        return log.read_text().split().count("olddefconfig")

    assert times() == 1
    (tree.path / "mm" / "page_alloc.c").write_text("int alloc_pages;\n")
    assert times() == 1
    (tree.path / "Kconfig").write_text((tree.path / "Kconfig").read_text() + "# more\n")
    assert times() == 2
    (config,) = own_cache.rglob("objects/*/.config")
    config.write_text(config.read_text() + "CONFIG_FLATMEM=y\n")
    assert (times(), "FLATMEM=y" in config.read_text()) == (3, False)
    assert times() == 3
    # Another configuration has a folder of its own.
    fragment.write_text("CONFIG_EFI=y\n")
    assert acceptlab(*words)[0] == 0
    assert sorted(len(log.read_text().split()) for log in own_cache.rglob("configured.log")) == [
        2,
        6,
    ]


def test_in_a_tree_it_is_that_tree(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.path / "mm" / "Kconfig").touch()
    (tree.path / "mm" / "Makefile").touch()
    monkeypatch.chdir(tree.path / "mm")
    code, out, err = acceptlab("kernel", "build", "--config", str(tmp_path / "toy.config"))
    assert (code, out.splitlines()[-1]) == (0, tree.path.name), err
    monkeypatch.chdir(tmp_path)
    code, out, err = acceptlab("kernel", "build")
    assert (code, out) == (2, "")
    assert "is not in a kernel source tree" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tree", "/nowhere"], "no folder /nowhere"),
        (["--tree", "/etc"], "is not a kernel source tree"),
        (["--tree", "{tree}", "--target", "allyesconfig"], "tinyconfig"),
        (["--tree", "{tree}", "--config", "/nowhere.config"], "no configuration fragment"),
        (["--tree", "{tree}", "--name", "a/b"], "not a valid kernel name"),
        (["--tree", "{tree}", "--name", "debian:6.12"], "not a valid kernel name"),
    ],
)
def test_bad_input_is_one_line(acceptlab: Command, tree: Tree, words: list[str], says: str) -> None:
    code, out, err = acceptlab("kernel", "build", *(word.format(tree=tree.path) for word in words))
    assert (code, out) == (2, "")
    assert says in err
    assert len([line for line in err.splitlines() if line.startswith("acceptlab: ")]) == 1
