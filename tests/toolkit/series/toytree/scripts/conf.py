# SPDX-License-Identifier: GPL-2.0-only
"""What kconfig's conf does, for the toy tree: drop what there is not, and what depends on something that is off."""

import re
import sys
from pathlib import Path


def options(path, around=()):
    """Return [name, dependencies, default, whether it has a prompt] of every option below a Kconfig file."""
    text = re.sub(r"\\\n\s*", " ", Path(path).read_text())
    found, blocks, depends = [], [list(around)], []
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "config" and not line.startswith(("\t", " ")):
            depends = [one for block in blocks for one in block]
            found.append([rest, depends, "n", False])
        elif word == "depends":
            depends.append(rest.removeprefix("on "))
        elif word in ("default", "def_bool"):
            found[-1][2] = rest
        elif word in ("bool", "int"):
            found[-1][3] = '"' in rest
        elif word in ("if", "menu"):
            depends = [rest] if word == "if" else []
            blocks.append(depends)
        elif word in ("endif", "endmenu"):
            blocks.pop()
        elif word == "source" and Path(rest.strip('"')).is_file():
            found += options(rest.strip('"'), (one for block in blocks for one in block))
    return found


def holds(condition, values):
    """Tell whether every part of a conjunction holds."""
    parts = (part.strip() for part in condition.split("&&"))
    return all((values.get(part.strip("!"), "n") == "n") == part.startswith("!") for part in parts)


target, file = sys.argv[1], Path(sys.argv[2])
old = {}
if target == "olddefconfig":
    lines = re.sub(r"^# (CONFIG_\w+) is not set$", r"\1=n", file.read_text(), flags=re.MULTILINE)
    old = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", lines, re.MULTILINE))  # the last one counts
values = {}
for _ in range(3):  # an option may stand before what it depends on
    for name, conditions, default, has_prompt in options("Kconfig"):
        on = all(holds(condition, values) for condition in conditions)
        values[name] = (old.get(name, default) if has_prompt else default) if on else "n"
lines = [f"CONFIG_{n}={v}" if v != "n" else f"# CONFIG_{n} is not set" for n, v in values.items()]
file.write_text("\n".join(lines) + "\n")
