# SPDX-License-Identifier: GPL-2.0-only
"""All parts of the code that have mutants."""

from __future__ import annotations

from tests.analysis.mutants.subject import Analysis
from tests.emulator.mutants.subject import Emulator
from tests.model.mutants.subject import Model
from tests.mutation.engine import Subject, Tested
from tests.series.mutants.subject import Kernel

ANALYSIS = Analysis()
MODEL = Model()
EMULATOR = Emulator()
KERNEL = Kernel()
TESTED: tuple[Tested, ...] = (ANALYSIS, MODEL, EMULATOR)
SUBJECTS: dict[str, Subject] = {one.name: one for one in (*TESTED, KERNEL)}
