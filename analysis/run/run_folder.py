# SPDX-License-Identifier: GPL-2.0-only
"""The run folder: run.json and the paths of everything beside it."""

from __future__ import annotations

import json
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import sha256_of, write_text
from acceptlab.analysis.regular_files import check_regular, read_json
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.run.run_json import from_json, to_json

FIRMWARE_EVENTS = "firmware.parquet"
"""Events of real firmware, before the kernel took over: in the folder of a run that has some."""


class Run:
    """An opened run folder."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        self.path = path
        self.info = info
        self.events_path = path / "events.parquet"
        self.firmware_path = path / FIRMWARE_EVENTS
        self.console_path = path / "console.log"
        self.bitmap_dir = path / "bitmap"
        self.verdict_path = path / "verdict.json"

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Read run.json of a folder; raises BadInput when there is none or it is not usable."""
        folder = Path(path)
        file = folder / "run.json"
        try:
            data = read_json(file)
        except FileNotFoundError as error:
            raise BadInput(f"{folder} is not a run folder: {_what_it_is(folder)}") from error
        except NotADirectoryError as error:
            raise BadInput(
                f"{folder} is a file, not a run folder; `acceptlab import {folder}` makes one of a recording"
            ) from error
        except OSError as error:
            raise BadInput(f"cannot read {file}: {error.strerror or error}") from error
        if not isinstance(data, dict):
            raise BadInput(f"{file} is not a run.json: not a JSON object")
        try:
            return cls(folder, from_json(data))
        except BadInput as error:
            raise BadInput(f"{file}: {error}") from error

    def verify_events(self) -> None:
        """Compare events.parquet with the checksum in run.json; raises BadInput if they differ.

        A recorder that is still at work, or was killed, has not written one: such a run is incomplete, and can be read.
        """
        check_regular(self.events_path)
        if not self.events_path.exists():
            raise BadInput(f"{self.path} has no events.parquet: record the run again")
        expected = self.info.events.sha256
        if not expected and not self.info.events.complete and self.info.source != "emulator":
            return
        if not expected:
            raise BadInput(f"{self.path}/run.json has no checksum of events.parquet")
        if sha256_of(self.events_path) != expected:
            raise BadInput(
                f"{self.events_path} is truncated or edited: its checksum is not the one in "
                "run.json; record the run again"
            )


def write_run_json(folder: Path, info: RunInfo) -> None:
    """Write RUN/run.json, beside and renamed; the same ``info`` gives the same bytes."""
    text = json.dumps(to_json(info), indent=2, sort_keys=True, ensure_ascii=False)
    write_text(folder / "run.json", text + "\n")


def _what_it_is(folder: Path) -> str:
    """Say what is wrong with a folder that has no run.json, and which folders in it may have been meant."""
    if not folder.exists():
        return "there is no such folder"
    runs = sorted(file.parent.name for file in folder.glob("*/run.json"))
    more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
    return "it has no run.json" + (f", but {', '.join(runs[:3])}{more} in it have" if runs else "")
