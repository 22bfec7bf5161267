# SPDX-License-Identifier: GPL-2.0-only
"""What the Makefile of a stranger's kernel tree gets to see: a clean environment always, with --sandbox nothing but itself."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import EXIT_MACHINE, MachineError
from acceptlab.toolkit.kernels import kbuild, sandbox
from acceptlab.toolkit.series.checks.checkpatch import checkpatch

MAKEFILE = """\
look:
\tenv >$(O)/environment
\tcat $(SECRET) >$(O)/secret || true
\techo changed >>$(CURDIR)/Kconfig || true
\t(exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null && echo reached >$(O)/network || true
\techo '#include <stdio.h>' | $(CC) -E - >$(O)/compiled
SHELL := /bin/bash
"""


class Place:
    """A tree with a Makefile that looks around, a folder for objects, a file of the user's and a port that listens."""

    def __init__(self, folder: Path, port: int) -> None:
        self.tree, self.objects, self.secret = folder / "tree", folder / "objects", folder / "token"
        self.tree.mkdir()
        self.objects.mkdir()
        self.secret.write_text("hunter2")
        (self.tree / "Kconfig").write_text("")
        text = MAKEFILE.replace("$(SECRET)", str(self.secret)).replace("$(PORT)", str(port))
        (self.tree / "Makefile").write_text(text)

    def look(self) -> None:
        kbuild.make_quietly(self.tree, self.objects, "look", warnings=False)

    def saw(self, name: str) -> str:
        file = self.objects / name
        return file.read_text() if file.is_file() else ""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield Place(tmp_path, server.getsockname()[1])
        stop.set()
        thread.join()


@pytest.fixture
def sandboxed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox._Request, "wanted", False)
    try:
        sandbox.request()
    except MachineError as error:
        pytest.skip(str(error))


def test_a_tree_gets_no_variable_that_it_does_not_use(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "SSH_AUTH_SOCK", "KCFLAGS", "http_proxy", "ARCH", "MAKEFLAGS"):
        monkeypatch.setenv(name, "of-the-user")
    monkeypatch.setenv("CCACHE_COMPRESS", "1")
    place.look()
    seen = dict(line.split("=", 1) for line in place.saw("environment").splitlines() if "=" in line)
    assert "of-the-user" not in seen.values()
    assert seen["HOME"] == "/nonexistent"
    assert (seen["CCACHE_COMPRESS"], seen["CCACHE_DEPEND"]) == ("1", "1")
    assert {"PATH", *kbuild.REPRODUCIBLE} <= set(seen)


def test_without_a_sandbox_a_tree_reaches_all(place: Place) -> None:
    """Else the next test shows nothing."""
    place.look()
    assert (place.saw("secret"), place.saw("network")) == ("hunter2", "reached\n")
    assert (place.tree / "Kconfig").read_text() == "changed\n"


@pytest.mark.usefixtures("sandboxed")
def test_in_a_sandbox_it_reaches_itself_only(place: Place) -> None:
    place.look()
    assert place.saw("compiled").count("printf") > 0
    assert (place.saw("secret"), place.saw("network")) == ("", "")
    assert (place.tree / "Kconfig").read_text() == ""
    assert "CCACHE_DISABLE=1\n" in place.saw("environment")


@pytest.mark.usefixtures("sandboxed")
def test_checkpatch_of_a_stranger_runs_in_it(place: Place, tmp_path: Path) -> None:
    script = place.tree / "scripts" / "checkpatch.pl"
    script.parent.mkdir()
    script.write_text(
        f'open(my $f, "<", "{place.secret}") or die "no secret\\n"; print "x:1: ERROR:SEEN: ", <$f>, "\\n";'
    )
    patch = tmp_path / "0001.patch"
    patch.write_text("")
    step = checkpatch(place.tree, patch, [])
    assert [one.text for one in step.problems] == ["checkpatch itself failed: no secret"]


def test_a_machine_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MachineError, match="apt-get install bubblewrap") as error:
        sandbox.request()
    assert error.value.exit_code == EXIT_MACHINE
    assert not sandbox.is_requested()


def test_a_machine_on_which_bubblewrap_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MachineError, match="No permissions to create a new namespace"):
        sandbox.request()
    assert not sandbox.is_requested()
