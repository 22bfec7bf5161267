# SPDX-License-Identifier: GPL-2.0-only
"""A projection as chapters of a report."""

from __future__ import annotations

from acceptlab.analysis.estimate.estimate import Projection
from acceptlab.analysis.estimate.profile_check import Checked, Standing, check, published_bytes
from acceptlab.analysis.report.facts import mib
from acceptlab.analysis.report.modelled_tables import price_note
from acceptlab.analysis.report.tables import Chapter, Table, seconds


def size_of(number: int) -> str:
    """Bytes as people write them: TiB, GiB or MiB."""
    if number >= 1 << 40:
        return f"{number / (1 << 40):.4g} TiB"
    return f"{number / (1 << 30):,.1f} GiB" if number >= 2 << 30 else mib(number)


def chapters_of(projection: Projection) -> list[Chapter]:
    """What is projected, on what it rests, and how far the same prices are off where somebody measured."""
    return [_outlook(projection), _basis(projection), _check(projection)]


def _outlook(projection: Projection) -> Chapter:
    target, profile = projection.target, projection.profile
    rows = [
        [
            one.accept,
            size_of(one.bytes),
            f"{one.large:,}",
            f"{one.small:,}",
            "-" if one.alone is None else seconds(one.alone),
            "-" if one.together is None else seconds(one.together),
        ]
        for one in projection.outlooks
    ]
    head = ("", "accepted", "2M", "4K", "one vCPU", f"{target.cpus} vCPUs")
    table = Table("Modelled: acceptance before userspace", head, rows)
    lead = (
        f"Modelled, not measured: a guest of {size_of(target.memory)} with {target.cpus} vCPUs on "
        f"{target.backing} host pages, with the costs of profile {profile.name} ({profile.about})."
    )
    return Chapter("Projection", lead, [table], [f"{text}" for text in projection.assumptions])


def _basis(projection: Projection) -> Chapter:
    fit = projection.fit
    rows = [
        [
            boot.name,
            size_of(boot.memory),
            str(boot.cpus),
            boot.accept,
            mib(boot.accepted),
            mib(fit.accepted(boot.memory, boot.cpus)) if boot.accept == "lazy" else "-",
        ]
        for boot in projection.boots
    ]
    head = ("run", "memory", "vCPUs", "accept", "accepted", "fitted")
    lead = "Bytes accepted before userspace are facts of these runs; costs come from the profile."
    profile = projection.profile
    used = [*profile.listed("accept", "4K"), *profile.listed("accept", "2M")]
    notes = [f"{price_note(one)[:-1]} ({one.vcpus} at a time)." for one in used]
    notes.append(f"Source: {profile.source}.")
    return Chapter("Assumptions", lead, [Table("Runs", head, rows)], notes)


def _check(projection: Projection) -> Chapter:
    found = check(projection.profile)
    checks = [one for one in found if one.standing == Standing.CHECKS]
    given_back = [one for one in found if one.standing == Standing.IN_PRICES]
    tables = [
        table
        for title, some in (
            ("Checks: measured on the same host, not used for the costs", checks),
            ("Inputs: the costs were computed from these", given_back),
        )
        if (table := _table(title, some)) is not None
    ]
    lead = "The same costs applied to acceptance that others measured on hardware with 4 KiB host pages."
    return Chapter(
        "Checked against published figures",
        lead,
        tables,
        [_error_of_costs(checks), *_not_comparable(found), *_bytes(projection)],
    )


def _table(title: str, some: list[Checked]) -> Table | None:
    rows = [
        [
            one.boot.name,
            str(one.boot.vcpus),
            f"{one.boot.seconds:g} s",
            f"{one.modelled:.1f} s",
            f"{one.factor:.2f}x",
        ]
        for one in some
    ]
    head = ("published", "vCPUs", "took", "modelled", "factor")
    return Table(title, head, rows) if rows else None


def _error_of_costs(checks: list[Checked]) -> str:
    """Error of the costs, where it is known."""
    if not checks:
        return "No published figure checks these costs: there is no other one of the same host."
    factors = [one.factor for one in checks]
    return f"The checks are off by {min(factors):.2f}x to {max(factors):.2f}x."


def _not_comparable(found: list[Checked]) -> list[str]:
    """The figures that say nothing about these prices, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        if one.standing == Standing.NOT_COMPARABLE:
            told = f"{one.boot.name} ({one.boot.seconds:g} s)"
            by_reason.setdefault(one.why, []).append(told)
    return [f"Not comparable ({why}): {'; '.join(some)}." for why, some in by_reason.items()]


def _bytes(projection: Projection) -> list[str]:
    """What a guest is known to have accepted: of another kernel, so that it checks no run here."""
    return [
        f"Not comparable (kernel {one.kernel}, {one.vcpus} vCPUs; the runs have at most "
        f"{max(boot.cpus for boot in projection.boots)}): {size_of(one.bytes)} accepted lazily by a guest of "
        f"{size_of(one.memory)}; the estimate from these runs is "
        f"{size_of(projection.fit.accepted(one.memory, one.vcpus))}."
        for one in published_bytes()
        if one.platform == projection.profile.platform
    ]
