# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all tests: Ctrl-C interrupts, the markers of whole folders, no emulator and no further Python without the marker."""

from __future__ import annotations

import functools
import gc
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from acceptlab.toolkit.places import CHECKOUT, cache
from tests.examples import examples

FOLDERS = {
    "tests/boots": ("boots", "emulator"),
    "tests/emulator": ("emulator",),
    "tests/toolkit/collect": ("processes",),
    "tests/toolkit/untrusted": ("processes",),
}
"""Markers of every test in a folder."""
FIXTURES = {
    "held": ("emulator",),
    "built_initramfs": ("processes",),
    "own_cache": ("processes",),
    "installed": ("processes",),
}
"""Markers of every test that asks for a fixture; other tests have their markers themselves."""
LONG_FIRST = ("tests/boots", "tests/series", "tests/toolkit/series", "tests/toolkit/matrix")
"""Folders whose tests take tens of seconds: they begin first, so that no worker waits for the last of them."""
_NO_EMULATOR = (
    "This stands in for the emulators: the test that finds it has no marker `emulator`.\n"
)


def pytest_configure() -> None:
    """Undo what a shell does to jobs in its background: SIGINT is ignored, and every process that a test interrupts inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(CHECKOUT / one) for one in LONG_FIRST)


@functools.cache
def _markers_of(path: Path) -> list[tuple[str, ...]]:
    return [names for one, names in FOLDERS.items() if path.is_relative_to(CHECKOUT / one)]


_LEAVES_OUT = re.compile(r"not \(([\w ]+)\)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even load a folder of FOLDERS of which `-m "not (... or ...)"` takes no test: it is a quarter of all that is loaded."""
    named = _LEAVES_OUT.fullmatch(config.option.markexpr)
    left_out = set(named[1].split(" or ")) if named else set()
    markers = [name for names in _markers_of(collection_path) for name in names]
    return True if left_out.intersection(markers) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of FOLDERS and FIXTURES, before `-m` chooses; put those of LONG_FIRST before the others."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        found = [names for one, names in FIXTURES.items() if one in asked]
        found += _markers_of(item.path)
        for name in {name for names in found for name in names}:
            item.add_marker(name)
    items.sort(key=lambda item: not _is_long(item.path))


def pytest_collection_finish() -> None:
    """Take what was loaded out of each later garbage collection, which would look at all of it again."""
    gc.collect()
    gc.freeze()


@functools.cache
def cache_without_emulator() -> Path:
    """Return a home of caches like the user's, but that a file lies where the emulators are, so that none is found or built."""
    home = Path(tempfile.mkdtemp(prefix="acceptlab-tests-"))
    ours = home / "acceptlab"
    ours.mkdir()
    (ours / "emulator").write_text(_NO_EMULATOR)
    theirs = cache()
    for entry in theirs.iterdir() if theirs.is_dir() else ():
        if entry.name != "emulator":
            (ours / entry.name).symlink_to(entry)
    return home


def pytest_sessionfinish() -> None:
    """Remove the home of caches, where there is one."""
    if cache_without_emulator.cache_info().currsize:
        shutil.rmtree(cache_without_emulator())


_PYTHON = re.compile(r"python[0-9.]*|acceptlab")
_OF_PROCESSES = ("processes", "emulator", "boots", "long")
_without_marker = ""
"""The test that runs, if it has no marker of a test that may start Python."""


def _refuse_python(event: str, arguments: tuple[object, ...]) -> None:
    """Fail the test that starts a Python without the marker: to load what it tests takes a second, which is there already."""
    if event == "subprocess.Popen" and _without_marker:
        program = Path(os.fsdecode(arguments[0])).name  # type: ignore[arg-type]
        if _PYTHON.fullmatch(program):
            pytest.fail(f"{_without_marker} starts {program}, and has no marker `processes`")


sys.addaudithook(_refuse_python)


_WHERE_EMULATORS_ARE = ("XDG_CACHE_HOME", "ACCEPTLAB_EMULATOR")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide the emulator from a test without the marker, and from the processes that it starts; let _refuse_python know of the test.

    No fixture: that takes longer than most tests.
    """
    global _without_marker
    markers = {one.name for one in item.iter_markers()}
    before = {name: os.environ.get(name) for name in _WHERE_EMULATORS_ARE}
    if "emulator" not in markers:
        os.environ.pop("ACCEPTLAB_EMULATOR", None)
        os.environ["XDG_CACHE_HOME"] = str(cache_without_emulator())
    _without_marker = "" if markers.intersection(_OF_PROCESSES) else item.nodeid
    try:
        return (yield)
    finally:
        _without_marker = ""
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


hypothesis.settings.register_profile("acceptlab", examples())
hypothesis.settings.load_profile("acceptlab")
