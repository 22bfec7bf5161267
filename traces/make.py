#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Record the runs of this folder again: all of them, or the given ones.

    traces/make.py tdx-lazy snp-attack

Each is recorded and judged in a scratch folder. It replaces the old one only when the verdict is the one that
traces.toml expects. What replay found goes into expected.json, which the tests compare with.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ACCEPTLAB = HERE.parent / "acceptlab"
KEPT = ("events.parquet", "console.log", "symbols.json")
Spec = dict[str, Any]


def main(names: list[str]) -> int:
    """Make every named trace; the exit code is that of the first that fails, else 0."""
    specs: dict[str, Spec] = tomllib.loads((HERE / "traces.toml").read_text())
    if unknown := [name for name in names if name not in specs]:
        print(f"traces.toml has no {unknown[0]}: give some of {', '.join(specs)}", file=sys.stderr)
        return 2
    for name in names or specs:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as scratch:
            if code := make(name, specs[name], Path(scratch), HERE):
                return code
    return 0


def make(name: str, spec: Spec, scratch: Path, home: Path) -> int:
    """Record and judge one trace, and keep it in ``home``; 0, or 1 when it came out otherwise than expected."""
    run = record(spec, scratch)
    expected = judge(run)
    if expected["verdict"] != spec["verdict"]:
        print(f"{name}: {expected['verdict']}, not {spec['verdict']}: {expected['headline']}")
        return 1
    keep(run, home / name, spec, expected)
    print(f"{name}: {expected['verdict']}: {expected['headline']}")
    return 0


def record(spec: Spec, scratch: Path) -> Path:
    """The folder of the run, or of what was imported from it."""
    run = scratch / "run"
    if "collect" in spec:
        acceptlab("collect", "--out", str(run), "--", *shlex.split(spec["collect"]))
        return run
    acceptlab("run", *shlex.split(spec["run"]), "--out", str(run))
    if "import" not in spec:
        return run
    imported = scratch / "imported"
    file, *options = shlex.split(spec["import"])
    acceptlab("import", str(run / file), *options, "--run", str(run), "--out", str(imported))
    shutil.copy(run / "console.log", imported)
    return imported


def acceptlab(*words: str) -> str:
    """What a command prints; a guest that does not reach userspace (1) or is undecided (4) is no failure here."""
    done = subprocess.run([ACCEPTLAB, *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit(done.returncode)
    return done.stdout


def judge(run: Path) -> dict[str, Any]:
    """What replay says of a run folder, as expected.json has it."""
    (verdict,) = json.loads(acceptlab("replay", str(run), "--json"))
    return essence(verdict)


def essence(verdict: dict[str, Any]) -> dict[str, Any]:
    """The part of a verdict that depends on nothing but the trace: no names of functions, no paths."""
    findings = sorted({(one["invariant"], one["title"]) for one in verdict["findings"]})
    return {
        "verdict": verdict["verdict"],
        "headline": verdict["headline"].partition(" in ")[0] if findings else verdict["headline"],
        "invariants": {one["name"]: one["status"] for one in verdict["invariants"]},
        "findings": [list(one) for one in findings],
    }


def keep(run: Path, folder: Path, spec: Spec, expected: dict[str, Any]) -> None:
    """Put what a run folder needs into the repository; paths of this machine stay out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in KEPT:
        if (run / name).exists():
            shutil.copy(run / name, folder)
    if (run / "bitmap").is_dir():
        shutil.copytree(run / "bitmap", folder / "bitmap")
    info = without_paths(json.loads((run / "run.json").read_text()))
    info.pop("collected_from", None)
    if "collect" in spec:
        info["reproduce"] = f"acceptlab collect -- {spec['collect']}"
    else:
        info["reproduce"] = f"acceptlab run {spec['run']}"
    if "imported" in info:
        info["imported"]["file"] = Path(info["imported"]["file"]).name
        info["reproduce"] += f" --out RUN && acceptlab import RUN/{spec['import']} --run RUN"
    write_json(folder / "run.json", info)
    write_json(folder / "expected.json", expected)


def without_paths(value: Any) -> Any:
    """The same, with every ``path`` of a kernel empty: name and checksum identify it."""
    if isinstance(value, dict):
        return {key: "" if key == "path" else without_paths(one) for key, one in value.items()}
    return [without_paths(one) for one in value] if isinstance(value, list) else value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """JSON as the run folder has it."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
