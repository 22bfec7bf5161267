# SPDX-License-Identifier: GPL-2.0-only
"""All that has mutants: the parts of the code, and traces."""

from __future__ import annotations

from tests.analysis.mutants.subject import Analysis
from tests.emulator.mutants.subject import Emulator
from tests.model.mutants.subject import Model
from tests.mutation.engine import Subject, Tested
from tests.mutation.traces.subject import Traces
from tests.series.mutants.subject import Kernel

ANALYSIS = Analysis()
MODEL = Model()
EMULATOR = Emulator()
TRACES = Traces()
KERNEL = Kernel()
TESTED: tuple[Tested, ...] = (ANALYSIS, TRACES, MODEL, EMULATOR)
SUBJECTS: dict[str, Subject] = {one.name: one for one in (*TESTED, KERNEL)}
