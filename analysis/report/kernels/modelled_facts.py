# SPDX-License-Identifier: GPL-2.0-only
"""Modelled times in a comparison of kernels: a fact of its own for each cost profile, never mixed with what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acceptlab.analysis.measure.cost import Cost
from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.measure.modelled_time import model
from acceptlab.analysis.report.matrix.columns import COLUMNS, Column

_PREFIX = "modelled:"


def fact_of(profile: Profile) -> str:
    """Return the name of the fact that a profile adds."""
    return _PREFIX + profile.name


def is_modelled(fact: str) -> bool:
    """Return whether a fact is a modelled time."""
    return fact.startswith(_PREFIX)


def column_of(fact: str) -> Column:
    """Return what a table shows of a fact, counted or modelled."""
    if not is_modelled(fact):
        return COLUMNS[fact]
    name = fact.removeprefix(_PREFIX)
    about = f"not measured: the operations before userspace times the costs of profile {name}"
    return Column(fact, f"modelled before userspace ({name})", "ns", about, lambda _: None)


def before_userspace(counts: Mapping[str, Any], profile: Profile, platform: str) -> int:
    """Return the modelled time, ns, of a run's operations before userspace; `counts` as Cost.counts gives them.

    Raises BadInput when the profile is for the other platform.
    """
    return round(model(Cost.of_counts(counts), profile, platform).before_userspace())


def note(profile: Profile) -> str:
    """Return in a line what a profile's times are, and where its prices come from."""
    return (
        f"Modelled ({profile.name}), not measured: the operations before userspace times published costs "
        f"({profile.about}). Source: {profile.source}."
    )
