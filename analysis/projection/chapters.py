# SPDX-License-Identifier: GPL-2.0-only
"""A projection as chapters of a report."""

from __future__ import annotations

from analysis.projection.check import Checked, check, published_bytes
from analysis.projection.project import Projection
from analysis.report.facts import mib
from analysis.report.modelled_tables import price_note
from analysis.report.tables import Chapter, Table, seconds


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
        f"{target.backing} host pages, by the prices of profile {profile.name} ({profile.about})."
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
    lead = "Bytes are facts of these runs, accepted before userspace; prices are of the profile."
    profile = projection.profile
    used = [*profile.listed("accept", "4K"), *profile.listed("accept", "2M")]
    notes = [f"{price_note(one)[:-1]} ({one.vcpus} at a time)." for one in used]
    notes.append(f"Source: {profile.source}.")
    return Chapter("What it rests on", lead, [Table("Runs", head, rows)], notes)


def _check(projection: Projection) -> Chapter:
    found = check(projection.profile)
    rows = [
        [
            one.boot.name + (" *" if one.own else ""),
            str(one.boot.vcpus),
            f"{one.boot.seconds:g} s",
            f"{one.modelled:.1f} s",
            f"{one.factor:.2f}x",
        ]
        for one in found
    ]
    head = ("published", "vCPUs", "took", "modelled", "factor")
    lead = (
        "The same prices on acceptance that others timed on hardware with 4 KiB host pages. Marked "
        "with *: the profile was made from it, so it says little."
    )
    tables = [Table("Time: published and modelled", head, rows), *_bytes(projection)]
    return Chapter("Checked against published figures", lead, tables, [_worst(found)])


def _bytes(projection: Projection) -> list[Table]:
    """What a guest is known to have accepted, where the runs tell how it grows with vCPUs."""
    known = [one for one in published_bytes() if one.platform == projection.profile.platform]
    if not known or "vCPUs" not in projection.fit.measured:
        return []
    rows = []
    for one in known:
        told = projection.fit.accepted(one.memory, one.vcpus)
        factor = f"{told / one.bytes:.2f}x"
        name = f"{size_of(one.memory)}, {one.vcpus} vCPUs"
        rows.append([name, size_of(one.bytes), size_of(told), factor])
    head = ("lazy, before userspace", "published", "projected", "factor")
    return [Table("Bytes: published and projected", head, rows, [one.source for one in known])]


def _worst(found: list[Checked]) -> str:
    others = [one.factor for one in found if not one.own]
    if not others:
        return "Nobody else has published a figure for this platform: nothing checks these prices."
    return (
        f"Off by others' figures between {min(others):.2f}x and {max(others):.2f}x: take a projection for an "
        "order of magnitude."
    )
